using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Nova.Gateway.Admission;

/// <summary>Who counts as one client of the limits per address, and who is not held to them.</summary>
internal sealed class ClientNetworks(IOptions<GatewayOptions> options)
{
    /// <summary>What one IPv6 customer gets; counting single addresses of it would count nothing.</summary>
    private const int Ipv6Prefix = 64;

    private readonly IPNetwork[] _unlimited = [.. Parse(options.Value.UnlimitedClients)];
    private readonly IPNetwork[] _proxies = [.. Parse(options.Value.KnownProxies)];

    /// <returns>The address, or its network, to count under; null for a client that is not limited.</returns>
    public IPAddress? Of(HttpContext http) => Of(http.Connection.RemoteIpAddress, _unlimited);

    /// <summary>The same for a connection before its first request, which says for whom a proxy speaks: known proxies are not limited here.</summary>
    public IPAddress? OfPeer(EndPoint? peer) =>
        peer is IPEndPoint { Address: var address } && Of(address, _proxies) is not null ? Of(address, _unlimited) : null;

    private static IPAddress? Of(IPAddress? address, IPNetwork[] unlimited)
    {
        if (address is null)
        {
            return null; // A Unix socket: whoever can reach that is on this machine.
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        foreach (var network in unlimited)
        {
            if (network.Contains(address))
            {
                return null;
            }
        }

        return address.AddressFamily == AddressFamily.InterNetworkV6 ? PrefixOf(address) : address;
    }

    /// <summary>Reads <c>10.0.0.0/8, 192.0.2.7</c>.</summary>
    /// <exception cref="FormatException">One of them is neither.</exception>
    public static IEnumerable<IPNetwork> Parse(string list) =>
        list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(item =>
            IPNetwork.TryParse(item, out var network) ? network
            : IPAddress.TryParse(item, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
            : throw new FormatException($"{item} is neither an address nor a network such as 10.0.0.0/8"));

    private static IPAddress PrefixOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[(Ipv6Prefix / 8)..].Clear();
        return new IPAddress(bytes);
    }
}
