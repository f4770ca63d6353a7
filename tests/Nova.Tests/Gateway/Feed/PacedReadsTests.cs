using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Nova.Gateway.Feed;
using StackExchange.Redis;

namespace Nova.Tests.Gateway.Feed;

/// <summary>Events that come one after the other in no time are read together; few of them are read at once.</summary>
public sealed class PacedReadsTests : IAsyncLifetime
{
    /// <summary>Sixteen that follow another one so soon.</summary>
    private const int Many = 17;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly FakeTimeProvider _time = new();
    private readonly Socket _redis = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly byte[] _buffer = new byte[100];
    private Socket _socket = null!;
    private Stream _stream = null!;

    public async ValueTask InitializeAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await _redis.ConnectAsync(listener.LocalEndPoint!);
        _socket = await listener.AcceptAsync();
        _stream = (await new PacedReads(_time).BeforeAuthenticateAsync(listener.LocalEndPoint!, ConnectionType.Subscription, _socket, default))!;
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
        _redis.Dispose();
    }

    [Fact]
    public async Task ManyInNoTime_AreReadTogether()
    {
        await SendAndReadAsync(Many, apart: TimeSpan.Zero);
        var read = _stream.ReadAsync(_buffer, TestContext.Current.CancellationToken).AsTask();
        await SendAsync(3);
        await Task.WhenAny(read, Task.Delay(200, TestContext.Current.CancellationToken)); // Time to read them too early.
        Assert.False(read.IsCompleted);
        _time.Advance(Pace);
        Assert.Equal(3, await read);
    }

    [Fact]
    public async Task FewInATime_AreReadAtOnce()
    {
        await SendAndReadAsync(100, apart: TimeSpan.FromMilliseconds(3));
        await SendAndReadAsync(15, apart: TimeSpan.Zero);
    }

    [Fact]
    public async Task AfterAPause_TheNextIsReadAtOnce()
    {
        await SendAndReadAsync(Many, apart: TimeSpan.Zero);
        var paced = _stream.ReadAsync(_buffer, TestContext.Current.CancellationToken).AsTask();
        _time.Advance(Pace); // And nothing has come.
        await SendAsync(1);
        Assert.Equal(1, await paced);
        await SendAndReadAsync(7, apart: TimeSpan.Zero);
    }

    /// <summary>Events that do not fit the buffer are read on: else the gateway would be later with each read.</summary>
    [Fact]
    public async Task MoreThanTheBufferTakes_IsReadOnAtOnce()
    {
        await SendAndReadAsync(Many, apart: TimeSpan.Zero);
        var first = _stream.ReadAsync(_buffer, TestContext.Current.CancellationToken).AsTask();
        await SendAsync(_buffer.Length + 20);
        _time.Advance(Pace);
        Assert.Equal(_buffer.Length, await first);
        Assert.Equal(20, await _stream.ReadAsync(_buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task ConnectionForCommands_IsNotPaced() =>
        Assert.Null(await new PacedReads(_time).BeforeAuthenticateAsync(new IPEndPoint(IPAddress.Loopback, 1), ConnectionType.Interactive, _socket, default));

    private async Task SendAndReadAsync(int times, TimeSpan apart)
    {
        for (var i = 0; i < times; i++)
        {
            _time.Advance(apart);
            await SendAsync(1);
            Assert.Equal(1, await _stream.ReadAsync(_buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(10)));
        }
    }

    private async Task SendAsync(int bytes) => await _redis.SendAsync(new byte[bytes], SocketFlags.None);
}
