using System.Net;
using System.Net.Sockets;

namespace Nova.LoadTest.Systems;

internal static class Ports
{
    /// <summary>Below Linux's ephemeral ports: otherwise a viewer's own port could occupy the port of a restarted server.</summary>
    private const int First = 20_000;
    private const int Last = 32_000;

    private static int s_next = Random.Shared.Next(First, Last);

    /// <summary>Finds a free loopback port; every call returns a different one.</summary>
    public static int Find()
    {
        for (var attempts = 0; attempts < Last - First; attempts++)
        {
            s_next = s_next == Last ? First : s_next + 1;
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, s_next);
                listener.Start();
                return s_next;
            }
            catch (SocketException)
            {
                // The port is in use; try the next.
            }
        }

        throw new LoadTestException($"No port from {First} to {Last} is free.");
    }
}
