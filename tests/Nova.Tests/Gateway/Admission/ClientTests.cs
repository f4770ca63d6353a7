using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Nova.Gateway;
using Nova.Gateway.Admission;

namespace Nova.Tests.Gateway.Admission;

/// <summary>Who counts as one client, how many sockets it gets, and that whoever leaves makes room.</summary>
public sealed class ClientTests
{
    [Theory]
    [InlineData("127.0.0.1", null)]
    [InlineData("::1", null)]
    [InlineData("::ffff:127.3.2.1", null)]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    [InlineData("2001:db8:1:2:ffff::1", "2001:db8:1:2::")]
    public void Of_AnAddress_IsTheClientItCountsAs(string address, string? client)
    {
        var networks = new ClientNetworks(Options.Create(new GatewayOptions()));
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse(address);
        Assert.Equal(client, networks.Of(http)?.ToString());
    }

    [Fact]
    public void TryEnter_UpToEachLimit_SaysWhichOneWasReached_AndLeavingMakesRoom()
    {
        var options = new GatewayOptions { MaxConnections = 6, MaxConnectionsPerViewer = 2, MaxConnectionsPerAddress = 3 };
        var admission = new AdmissionControl(Options.Create(options), new FileDescriptors(options, allowed: 100_000, NullLogger.Instance));
        var (home, office) = (IPAddress.Parse("203.0.113.1"), IPAddress.Parse("203.0.113.2"));
        var (ann, bob) = (Guid.NewGuid(), Guid.NewGuid());

        Assert.Equal(
            [AdmissionResult.Entered, AdmissionResult.Entered, AdmissionResult.TooManyOfViewer], Enumerable.Range(0, 3).Select(_ => admission.TryEnter(home, ann)));
        Assert.Equal([AdmissionResult.Entered, AdmissionResult.TooManyOfAddress], Enumerable.Range(0, 2).Select(_ => admission.TryEnter(home, bob)));
        Assert.Equal(AdmissionResult.TooManyOfViewer, admission.TryEnter(office, ann));
        Assert.Equal(3, admission.Open);

        admission.Leave(home, ann);
        Assert.Equal(AdmissionResult.Entered, admission.TryEnter(office, ann));
        Assert.Equal(AdmissionResult.Entered, admission.TryEnter(home, bob));
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(AdmissionResult.Entered, admission.TryEnter(null, ann)); // Not limited, but the gateway's own limit holds for all.
        }

        Assert.Equal(AdmissionResult.AtCapacity, admission.TryEnter(null, ann));
        Assert.Equal(6, admission.Open);
        admission.Drain();
        Assert.Equal(AdmissionResult.Draining, admission.TryEnter(office, bob));
    }

    /// <summary>Entered and left by many at once, the numbers are what they were.</summary>
    [Fact]
    public async Task TryEnterAndLeave_FromManyThreads_AddUp()
    {
        var options = new GatewayOptions { MaxConnections = 40, MaxConnectionsPerViewer = 3, MaxConnectionsPerAddress = 5 };
        var admission = new AdmissionControl(Options.Create(options), new FileDescriptors(options, allowed: 100_000, NullLogger.Instance));
        var addresses = Enumerable.Range(1, 10).Select(i => IPAddress.Parse($"203.0.113.{i}")).ToArray();
        var viewers = Enumerable.Range(0, 10).Select(_ => Guid.NewGuid()).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 20_000; i++)
            {
                var (address, viewer) = (addresses[random.Next(10)], viewers[random.Next(10)]);
                if (admission.TryEnter(address, viewer) == AdmissionResult.Entered)
                {
                    admission.Leave(address, viewer);
                }
            }
        })));
        Assert.Equal(0, admission.Open);
        Assert.Equal([.. Enumerable.Repeat(AdmissionResult.Entered, 3), AdmissionResult.TooManyOfViewer], Enumerable.Range(0, 4).Select(_ => admission.TryEnter(addresses[0], viewers[0])));
    }

    [Theory]
    [InlineData(1024, 576, 192)]
    [InlineData(20_000, 14_808, 4936)]
    [InlineData(1_048_576, 50_000, 10_000)]
    public void FileDescriptors_OfASystem_AreSharedOutWithSomeToSpare(int allowed, int capacity, int pending)
    {
        var descriptors = new FileDescriptors(new GatewayOptions(), allowed, NullLogger.Instance);
        Assert.Equal((capacity, pending), (descriptors.Capacity, descriptors.Pending));
        Assert.True(descriptors.Capacity + descriptors.Pending <= allowed - 256);
    }

    [Fact]
    public void AddressRates_OfManyAddresses_HoldEachOfThem_AndForgetThoseAtRest()
    {
        var time = new FakeTimeProvider();
        var rates = new UpgradeRates(Options.Create(new GatewayOptions { UpgradesPerSecond = 1, UpgradesBurst = 2 }), time);
        for (var i = 0; i < 50_000; i++)
        {
            var address = new IPAddress(i + 1);
            Assert.True(rates.TryTake(address, out _) && rates.TryTake(address, out _));
            Assert.False(rates.TryTake(address, out var wait));
            Assert.Equal(1, wait.TotalSeconds, precision: 3);
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(rates.Remembered, 1, 10_000);
        Assert.True(rates.TryTake(null, out _));
    }

    [Theory]
    [InlineData("", null, true)]
    [InlineData("", "https://evil.example", true)]
    [InlineData("https://nova.example, http://localhost:3000", "https://nova.example", true)]
    [InlineData("https://nova.example, http://localhost:3000", "http://localhost:3000", true)]
    [InlineData("https://nova.example", null, true)]
    [InlineData("https://nova.example", "https://nova.example.evil.example", false)]
    [InlineData("https://nova.example", "http://nova.example", false)]
    [InlineData("https://nova.example", "null", false)]
    public void Allows_AnOrigin_IfItIsListedOrNoListIs(string allowed, string? origin, bool isAllowed)
    {
        var http = new DefaultHttpContext();
        if (origin is not null)
        {
            http.Request.Headers.Origin = origin;
        }

        Assert.Equal(isAllowed, new OriginList(Options.Create(new GatewayOptions { AllowedOrigins = allowed })).Allows(http.Request));
    }

    [Fact]
    public void Validate_WrongOptions_NamesEachKeyAtOnce()
    {
        var options = new GatewayOptions
        {
            MaxConnectionsPerViewer = 0,
            UpgradesPerSecond = 0,
            UnlimitedClients = "10.0.0.0/33",
            KnownProxies = "proxy",
            AllowedOrigins = "https://a.example/",
            FirstByteTimeout = default,
        };
        var failures = new ValidateGatewayOptions().Validate(null, options).Failures!.ToList();
        Assert.Equal(6, failures.Count);
        foreach (var key in new[] { "MaxConnectionsPerViewer", "UpgradesPerSecond", "UnlimitedClients", "KnownProxies", "AllowedOrigins", "FirstByteTimeout" })
        {
            Assert.Contains(failures, failure => failure.StartsWith($"Gateway:{key} must be ", StringComparison.Ordinal));
        }

        Assert.True(new ValidateGatewayOptions().Validate(null, new GatewayOptions()).Succeeded);
    }
}
