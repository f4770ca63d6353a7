using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using Nova.Gateway.WebSockets;

namespace Nova.Gateway.Admission;

internal static class KestrelSettings
{
    /// <summary>
    /// Bytes that may wait unsent in the kernel. What a viewer who stopped reading will get first is what waits there, and by default that is
    /// minutes of events (R109); the backlog above knows what is stale. What is under way to the viewer does not count.
    /// </summary>
    private const int UnsentBytes = 16 * 1024;

    /// <summary>Room for what is under way: a merged write to a viewer who keeps up must fit.</summary>
    private const int SendBufferBytes = 128 * 1024;

    private const int IpProtocolTcp = 6;
    private const int TcpNotSentLowWaterMark = 25;

    public static void ConfigureViewerSockets(this IWebHostBuilder host)
    {
        host.ConfigureServices(services => services.AddOptions<KestrelServerOptions>()
            .Configure<IOptions<GatewayOptions>, FileDescriptors, PendingConnections, TimeProvider>((kestrel, options, descriptors, pending, time) =>
            {
                kestrel.Limits.MaxResponseBufferSize = UnsentBytes;
                kestrel.Limits.MaxConcurrentConnections = descriptors.Pending;
                kestrel.Limits.MaxRequestBodySize = options.Value.MaxRequestBodyBytes;
                kestrel.Limits.KeepAliveTimeout = options.Value.KeepAliveTimeout;
                kestrel.Limits.RequestHeadersTimeout = options.Value.RequestHeadTimeout;
                var timeouts = new HandoverTimeouts(options.Value.FirstByteTimeout, options.Value.FirstByteTimeout + options.Value.RequestHeadTimeout);
                kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => connection =>
                    ConnectionHandover.RunAsync(inner => pending.RunAsync(next, inner), connection, timeouts, time)));
            }));
        host.ConfigureServices(services => services.AddSingleton<PendingConnections>());
        host.ConfigureServices(services => services.Configure<SocketTransportOptions>(sockets =>
        {
            // A flush ends when the socket has the bytes: frames are written past Kestrel, and must not overtake its 101.
            sockets.MaxWriteBufferSize = 1;
            sockets.CreateBoundListenSocket = endpoint =>
            {
                var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
                if (endpoint is not IPEndPoint)
                {
                    return socket; // A Unix socket knows neither.
                }

                socket.SendBufferSize = SendBufferBytes; // Accepted sockets inherit both.
                if (OperatingSystem.IsLinux())
                {
                    socket.SetRawSocketOption(IpProtocolTcp, TcpNotSentLowWaterMark, BitConverter.GetBytes(UnsentBytes));
                }

                return socket;
            };
        }));
    }

    /// <summary>Before anything else: a connection that brought a whole request is no slow one.</summary>
    public static void UseRequestWatch(this WebApplication app) => app.Use((http, next) =>
    {
        http.Features.Get<ConnectionHandover>()?.OnRequest();
        return next(http);
    });
}
