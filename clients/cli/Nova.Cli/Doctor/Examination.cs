using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Nova.Cli.Profiles;
using Nova.Client;
using Nova.Protocol;

namespace Nova.Cli.Doctor;

/// <summary>Walks a deployment the way a broadcast goes: address, token, REST, socket, Redis, reports. Each check says what is wrong and what to do.</summary>
internal sealed class Examination(Profile profile) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Reports travel by HTTP in batches, with retries.</summary>
    private static readonly TimeSpan ReportPatience = TimeSpan.FromSeconds(10);

    private readonly AddressChecks _address = new(profile.Address);
    private readonly NovaPublisher _publisher = new(profile.ClientOptions("operator", TimeSpan.Zero));
    private StreamResource? _stream;
    private NovaViewer? _viewer;

    public async IAsyncEnumerable<Finding> RunAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (string Name, bool IsNeeded, Func<CancellationToken, Task<string>> Run)[] checks =
        [
            ("address", true, _address.ConnectAsync),
            .. profile.Address.Scheme == "https" ? new (string, bool, Func<CancellationToken, Task<string>>)[] { ("TLS", false, _address.CheckCertificateAsync) } : [],
            ("health", false, _address.CheckHealthAsync),
            ("clock", false, _address.CheckClockAsync),
            ("token", true, MakeTokenAsync),
            ("REST", true, ReadStreamsAsync),
            ("publish", true, StartStreamAsync),
            ("socket", true, ConnectAsync),
            ("events", false, HearAsync),
            ("presence", false, CountAsync),
            ("reports", false, ReportAsync),
        ];
        string? broken = null;
        foreach (var (name, isNeeded, run) in checks)
        {
            if (broken is not null)
            {
                yield return new Finding(name, Outcome.Skipped, $"needs {broken}");
                continue;
            }

            var finding = await CheckAsync(name, run, cancellationToken);
            yield return finding;
            broken = finding.Outcome != Outcome.Healthy && isNeeded ? name : null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_viewer is not null)
        {
            await _viewer.DisposeAsync();
        }

        if (_stream is not null)
        {
            await ((Task)_publisher.EndAsync(_stream.StreamId)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Nova ends it by itself where it cannot be reached.
        }

        _publisher.Dispose();
        _address.Dispose();
    }

    private static async Task<Finding> CheckAsync(string name, Func<CancellationToken, Task<string>> run, CancellationToken cancellationToken)
    {
        try
        {
            return new Finding(name, Outcome.Healthy, await run(cancellationToken));
        }
        catch (FaultException fault)
        {
            return new Finding(name, Outcome.Faulty, fault.Message, fault.Remedy);
        }
        catch (NovaApiException refused)
        {
            return new Finding(name, Outcome.Faulty, $"{(int)refused.Status}: {refused.Message}", RemedyOf(refused));
        }
        catch (Exception exception) when (exception is HttpRequestException or TimeoutException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return new Finding(name, Outcome.Faulty, exception.Message, "Look at the gateway's log");
        }
        catch (JsonException exception)
        {
            return new Finding(name, Outcome.Faulty, $"The answer is not Nova's: {exception.Message}", "Check the address, and where the proxy in front of it leads");
        }
        catch (Exception exception) when (exception is NovaClosedException or UsageException or IOException)
        {
            return new Finding(name, Outcome.Faulty, exception.Message, "Look at the gateway's log");
        }
    }

    private static string RemedyOf(NovaApiException refused) => refused.Status switch
    {
        HttpStatusCode.Unauthorized => "The key, issuer and audience of this profile must be those of Authentication:Schemes:Bearer of Nova: nova login --key",
        HttpStatusCode.Forbidden => "This needs a token of role operator or broadcaster: nova login --key, or --token with such a one",
        HttpStatusCode.ServiceUnavailable or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout => "The gateway runs, and stream-state or its PostgreSQL does not answer: look at services:stream-state, ConnectionStrings:streams and the log of stream-state",
        HttpStatusCode.NotFound => "Check that the proxy in front passes /api/v1 on as it is",
        _ => "Look at the gateway's log",
    };

    private async Task<string> MakeTokenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await profile.TokenAsync(new TokenClaims("nova-doctor", "operator"), cancellationToken);
            return profile.Kind switch { TokenKind.Key => "signed here with the profile's key", TokenKind.Fixed => "the profile's", _ => "made by /dev/tokens" };
        }
        catch (NovaApiException refused)
        {
            throw new FaultException(
                $"Nova makes no token: {(int)refused.Status}, {refused.Message}", "Nova runs in Production, or on another machine: give this profile its key (nova login --key) or a token (nova login --token)");
        }
    }

    private async Task<string> ReadStreamsAsync(CancellationToken cancellationToken)
    {
        await foreach (var stream in _publisher.ListAsync(StreamStatus.Active, cancellationToken: cancellationToken))
        {
            return $"a stream is live: {stream.StreamId}";
        }

        return "answers; no stream is live";
    }

    /// <summary>Private, so that no viewer finds it.</summary>
    private async Task<string> StartStreamAsync(CancellationToken cancellationToken)
    {
        _stream = await _publisher.CreateAsync(new CreateStream("nova doctor", Visibility: StreamVisibility.Private), cancellationToken);
        await _publisher.StartAsync(_stream.StreamId, new StartStream(StreamQuality.P1080, 60, 5000), cancellationToken: cancellationToken);
        return $"stream {_stream.StreamId} is live";
    }

    private async Task<string> ConnectAsync(CancellationToken cancellationToken)
    {
        var claims = new TokenClaims($"nova-doctor-{Guid.NewGuid():N}", "viewer", [_stream!.StreamId]);
        var status = await _address.UpgradeAsync(_stream.StreamId, await profile.TokenAsync(claims, cancellationToken), cancellationToken);
        var options = profile.ClientOptions("viewer");
        options.Token = async stop => await profile.TokenAsync(claims, stop);
        _viewer = new NovaViewer(_stream.StreamId, options);
        _viewer.Start();
        if (status == 101 && await UntilAsync(() => _viewer.State.SessionId is not null, cancellationToken))
        {
            return "a viewer is connected";
        }

        await UntilAsync(() => _viewer.State is { RetryReason: not null } or { Closed: not null }, cancellationToken);
        var why = _viewer.State.Closed?.Message ?? _viewer.State.RetryReason ?? "no answer";
        throw status is 426 or 400 or 0 or 404
            ? new FaultException(
                $"REST works and the WebSocket upgrade does not ({status}): {why}",
                "A proxy in front does not pass upgrades on: nginx needs proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and Connection \"upgrade\" (docs/deploy.md)")
            : new FaultException($"The viewer is refused with {status}: {why}", status == 503 ? "The gateway is full, drains, or cannot ask stream-state: look at its log" : "Look at the gateway's log");
    }

    private async Task<string> HearAsync(CancellationToken cancellationToken)
    {
        await UntilAsync(() => _viewer!.State.IsCurrent, cancellationToken);
        var started = Stopwatch.GetTimestamp();
        await _publisher.ChangeQualityAsync(_stream!.StreamId, new ChangeQuality(StreamQuality.P720, 3000, QualityChangeReason.AdaptiveBitrate), cancellationToken: cancellationToken);
        return await UntilAsync(() => _viewer!.State.Quality == StreamQuality.P720, cancellationToken)
            ? $"a change reached the viewer in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms"
            : throw new FaultException(
                $"A change was stored, and the viewer has not heard of it for {Patience.TotalSeconds:F0} s",
                "Redis carries it: check ConnectionStrings:redis of stream-state and of the gateway (the same server, reachable by both), and their logs");
    }

    private async Task<string> CountAsync(CancellationToken cancellationToken) =>
        await UntilAsync(() => _viewer!.State.ViewerCount >= 1, cancellationToken)
            ? $"{_viewer!.State.ViewerCount} viewer counted"
            : throw new FaultException("The viewer is not counted", "Redis keeps the counts: check ConnectionStrings:redis of the gateway, and its log");

    private async Task<string> ReportAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            await _viewer!.ReportIssueAsync(new ViewerReport(IssueType.Other, IssueSeverity.Low, "nova doctor"), cancellationToken).WaitAsync(ReportPatience, cancellationToken);
            return $"a report was stored in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms";
        }
        catch (TimeoutException)
        {
            throw new FaultException(
                $"A report was not stored within {ReportPatience.TotalSeconds:F0} s", "Telemetry or its PostgreSQL does not answer: look at services:telemetry, ConnectionStrings:telemetry and the log of telemetry");
        }
    }

    private static async Task<bool> UntilAsync(Func<bool> holds, CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); !holds(); await Task.Delay(20, cancellationToken))
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                return false;
            }
        }

        return true;
    }
}
