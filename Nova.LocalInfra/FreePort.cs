using System.Net;
using System.Net.Sockets;

namespace Nova.LocalInfra;

internal static class FreePort
{
    /// <summary>Finds a free loopback port. Another process may still take it before the caller does.</summary>
    public static int Find()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
