using System.Net;
using System.Net.Sockets;

namespace Nova.Tests.Support.Faults;

/// <summary>A loopback port that was free a moment ago, for servers that cannot choose one themselves.</summary>
internal static class FreePort
{
    public static int Find()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
