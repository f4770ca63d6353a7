using System.Net;
using System.Net.Sockets;
using Nova.LocalInfra;

namespace Nova.Standalone;

/// <summary>The gateways' ports, looked at before anything is started.</summary>
internal static class GatewayPorts
{
    /// <summary>How far the search for free ports goes.</summary>
    private const int Neighbours = 200;

    /// <param name="first">0: each gateway takes a free one.</param>
    /// <exception cref="LocalInfraException">One of them cannot be used; the message offers others.</exception>
    public static void Check(int first, int count)
    {
        for (var port = first; first > 0 && port < first + count; port++)
        {
            if (Problem(port) is { } problem)
            {
                var free = Enumerable.Range(port + 1, Neighbours).FirstOrDefault(start => Enumerable.Range(start, count).All(each => Problem(each) is null));
                throw new LocalInfraException(
                    $"Port {port} {problem}; choose another with --port{(free == 0 ? "" : count == 1 ? $": {free} is free" : $": {free} to {free + count - 1} are free")}.");
            }
        }
    }

    private static string? Problem(int port)
    {
        if (port > IPEndPoint.MaxPort)
        {
            return $"is beyond the last one, {IPEndPoint.MaxPort}";
        }

        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return null;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.AccessDenied ? "is not for this user" : "is in use";
        }
    }
}
