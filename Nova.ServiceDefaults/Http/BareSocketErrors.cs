using System.Net.Http;
using System.Net.Sockets;

namespace Nova.ServiceDefaults.Http;

/// <summary>
/// A connection that is reset in the moment it is made: the client then throws a <see cref="SocketException"/> as it is, since it asks the socket for its
/// other end before anything catches. Nobody was reached, so that it is what every other failure to connect is.
/// </summary>
internal sealed class BareSocketErrors : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (SocketException exception)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, exception.Message, exception);
        }
    }
}
