using System.Net;
using System.Net.Sockets;
using Nova.LocalInfra;

namespace Nova.Standalone;

/// <summary>Checks the gateways' ports before the first service starts.</summary>
internal static class GatewayPorts
{
    /// <summary>Number of following ports that are searched for free ones.</summary>
    private const int SearchRange = 200;

    /// <param name="first">The first gateway's port; 0 lets each gateway take a free one.</param>
    /// <exception cref="LocalInfraException">A port cannot be used; the message suggests free ones.</exception>
    public static void Check(int first, int count)
    {
        for (var port = first; first > 0 && port < first + count; port++)
        {
            if (FindError(port) is { } error)
            {
                var free = Enumerable.Range(port + 1, SearchRange).FirstOrDefault(start => Enumerable.Range(start, count).All(each => FindError(each) is null));
                throw new LocalInfraException(
                    $"Port {port} {error}; choose another with --port{(free == 0 ? "" : count == 1 ? $": {free} is free" : $": {free} to {free + count - 1} are free")}.");
            }
        }
    }

    private static string? FindError(int port)
    {
        if (port > IPEndPoint.MaxPort)
        {
            return $"is higher than {IPEndPoint.MaxPort}, the last port";
        }

        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return null;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.AccessDenied ? "is not permitted for this user" : "is in use";
        }
    }
}
