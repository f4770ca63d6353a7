using System.Net;
using System.Net.Sockets;
using Garnet;
using Garnet.server;

namespace Nova.LocalInfra;

/// <summary>
/// A Redis-protocol server in this process: Microsoft.Garnet on a free loopback port. It writes nothing to disk, because Nova stores only live
/// state in Redis, which is worthless after a restart.
/// </summary>
public sealed class LocalRedis : IDisposable
{
    private const int Attempts = 5;

    private readonly GarnetServer _server;

    private LocalRedis(GarnetServer server, int port)
    {
        _server = server;
        Port = port;
    }

    public int Port { get; }

    public string ConnectionString => $"127.0.0.1:{Port}";

    /// <param name="port">The port; null takes a free one.</param>
    public static LocalRedis Start(int? port = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            var candidate = port ?? FreePort.Find();
            var server = new GarnetServer(new GarnetServerOptions
            {
                EndPoints = [new IPEndPoint(IPAddress.Loopback, candidate)],
                QuietMode = true,
                EnableLua = true, // Presence and publishing use scripts.
                LuaTransactionMode = true, // The scripts must run atomically, as on Redis; Garnet interleaves them by default.
                LuaOptions = new LuaOptions(),
                LogMemorySize = "64m",
                PageSize = "1m",
                IndexMemorySize = "16m",
            });
            try
            {
                server.Start();
                RunFirstScript(candidate);
                return new LocalRedis(server, candidate);
            }
            catch (Exception) when (port is null && attempt < Attempts)
            {
                server.Dispose(); // Another process took the port after FreePort had found it.
            }
        }
    }

    /// <summary>
    /// The first script loads Lua, which takes 0.3 s on an idle machine and seconds on a busy one. Whoever is on the same connection would wait for it, and
    /// take the server for one that hangs.
    /// </summary>
    private static void RunFirstScript(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(IPAddress.Loopback, port);
        socket.Send("*3\r\n$4\r\nEVAL\r\n$25\r\nreturn redis.call('TIME')\r\n$1\r\n0\r\n"u8);
        socket.Receive(new byte[64]);
    }

    public void Dispose() => _server.Dispose();
}
