using System.Net;
using System.Net.Sockets;

namespace Nova.LoadTest.Systems;

internal static class Ports
{
    /// <summary>Below the ports that Linux gives to outgoing connections: a viewer's own port could else be in the way of a restarted server.</summary>
    private const int First = 20_000;
    private const int Last = 32_000;

    private static int s_next = Random.Shared.Next(First, Last);

    /// <summary>A loopback port that was free a moment ago, and a different one each time.</summary>
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
                // Taken; the next one.
            }
        }

        throw new LoadTestException($"No port from {First} to {Last} is free.");
    }
}
