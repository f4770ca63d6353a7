using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using Nova.Gateway.Trust;

namespace Nova.Gateway.WebSockets;

internal static class SocketSettings
{
    /// <summary>
    /// Bytes that may wait unsent in the kernel. What a viewer who stopped reading will get first is what waits there, and by default that is
    /// minutes of events (R109); the backlog above knows what is stale. What is under way to the viewer does not count.
    /// </summary>
    private const int UnsentBytes = 16 * 1024;

    /// <summary>Room for what is under way: a merged write to a viewer who keeps up must fit.</summary>
    private const int SendBufferBytes = 128 * 1024;

    /// <summary>Also for who sends nothing but an empty line, which HTTP allows before a request: then no head has begun.</summary>
    private static readonly TimeSpan KeepAliveTimeout = TimeSpan.FromSeconds(30);

    private const int IpProtocolTcp = 6;
    private const int TcpNotSentLowWaterMark = 25;

    public static void ConfigureViewerSockets(this IWebHostBuilder host)
    {
        host.ConfigureServices(services => services.AddOptions<KestrelServerOptions>()
            .Configure<IOptions<GatewayOptions>, FileDescriptors, TimeProvider>((kestrel, options, descriptors, time) =>
            {
                kestrel.Limits.MaxResponseBufferSize = UnsentBytes;
                kestrel.Limits.MaxConcurrentConnections = descriptors.Pending;
                kestrel.Limits.MaxRequestBodySize = options.Value.MaxRequestBodyBytes;
                kestrel.Limits.KeepAliveTimeout = KeepAliveTimeout;
                kestrel.Limits.RequestHeadersTimeout = options.Value.RequestHeadTimeout;
                var firstByte = options.Value.FirstByteTimeout;
                kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => connection => ConnectionHandover.RunAsync(next, connection, firstByte, time)));
            }));
        host.ConfigureServices(services => services.Configure<SocketTransportOptions>(sockets =>
        {
            // A flush ends when the socket has the bytes: frames are written past Kestrel, and must not overtake its 101.
            sockets.MaxWriteBufferSize = 1;
            sockets.CreateBoundListenSocket = endpoint =>
            {
                var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
                socket.SendBufferSize = SendBufferBytes; // Accepted sockets inherit both.
                if (OperatingSystem.IsLinux())
                {
                    socket.SetRawSocketOption(IpProtocolTcp, TcpNotSentLowWaterMark, BitConverter.GetBytes(UnsentBytes));
                }

                return socket;
            };
        }));
    }
}
