using System.Net;
using Garnet;
using Garnet.server;

namespace Nova.LocalInfra;

/// <summary>
/// A Redis-protocol server in this process: Microsoft.Garnet on a free loopback port. What Nova keeps in Redis is live and worth nothing
/// after a restart, so nothing is written to disk.
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

    /// <param name="port">A port of the caller's; default: a free one.</param>
    public static LocalRedis Start(int? port = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            var candidate = port ?? FreePort.Find();
            var server = new GarnetServer(new GarnetServerOptions
            {
                EndPoints = [new IPEndPoint(IPAddress.Loopback, candidate)],
                QuietMode = true,
                EnableLua = true, // Presence and publishing are scripts ...
                LuaTransactionMode = true, // ... which rely on running alone, as they do on Redis. By default they interleave here.
                LuaOptions = new LuaOptions(),
                LogMemorySize = "64m",
                PageSize = "1m",
                IndexMemorySize = "16m",
            });
            try
            {
                server.Start();
                return new LocalRedis(server, candidate);
            }
            catch (Exception) when (port is null && attempt < Attempts)
            {
                server.Dispose(); // Somebody took the port since it was found free.
            }
        }
    }

    public void Dispose() => _server.Dispose();
}
