using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Serialization.Metadata;
using Nova.Client.Tokens;
using Polly;
using Polly.Retry;

namespace Nova.Client.Publishing;

/// <summary>Calls of Nova's REST API. What failed for now is repeated with the same key, so that it happens once.</summary>
internal sealed class ApiCalls : IDisposable
{
    /// <summary>Of one attempt: a gateway whose machine vanished says nothing, and a broadcaster without signs of life is ended after 45 s.</summary>
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(10);

    private static readonly ResiliencePropertyKey<long> Started = new("started");
    private static readonly ResiliencePropertyKey<bool> IsRepeatable = new("repeatable");

    private readonly HttpClient _http;
    private readonly bool _ownsHttp;
    private readonly TimeProvider _time;
    private readonly TokenSource _tokens;
    private readonly ResiliencePipeline<HttpResponseMessage> _retries;

    public ApiCalls(NovaClientOptions options, HttpClient? http, TimeProvider? time)
    {
        time ??= TimeProvider.System;
        _time = time;
        _ownsHttp = http is null;
        _http = http ?? new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(2) });
        Address = options.RequiredAddress();
        _tokens = new TokenSource(options.RequiredToken(), time);
        _retries = BuildRetries(options.RetryFor, time);
    }

    public Uri Address { get; }

    public async Task<T> SendAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> answerType, HttpContent? body, long? ifVersion, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(method, path, body, ifVersion, cancellationToken);
        return (await answer.Content.ReadFromJsonAsync(answerType, cancellationToken))!;
    }

    /// <param name="lastEventId">Not null for a feed, which is read as it comes; where it goes on.</param>
    /// <exception cref="NovaApiException">Nova refused it.</exception>
    /// <exception cref="HttpRequestException">Nova cannot be reached.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? body, long? ifVersion, CancellationToken cancellationToken, string? lastEventId = null)
    {
        using var activity = NovaClientActivities.Source.StartActivity($"nova {method} {path.Split('?')[0]}", ActivityKind.Client);
        var (key, bytes) = (Guid.NewGuid().ToString(), body is null ? null : await body.ReadAsByteArrayAsync(cancellationToken));
        var hasNewToken = false;
        var context = ResilienceContextPool.Shared.Get(cancellationToken);
        context.Properties.Set(Started, _time.GetTimestamp());
        context.Properties.Set(IsRepeatable, method == HttpMethod.Post || method == HttpMethod.Get);
        var answer = await _retries.ExecuteAsync(async _ =>
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(AttemptTimeout);
            var token = patience.Token;
            var response = await AttemptAsync();
            if (response.StatusCode == HttpStatusCode.Unauthorized && !hasNewToken)
            {
                hasNewToken = true;
                _tokens.Forget();
                response.Dispose();
                response = await AttemptAsync();
            }

            return response;

            async Task<HttpResponseMessage> AttemptAsync()
            {
                using var request = new HttpRequestMessage(method, new Uri(Address, path));
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await _tokens.GetAsync(token));
                if (method == HttpMethod.Post)
                {
                    request.Headers.Add("Idempotency-Key", key);
                }

                if (ifVersion is { } version)
                {
                    request.Headers.IfMatch.Add(new EntityTagHeaderValue($"\"{version}\""));
                }

                if (bytes is not null)
                {
                    request.Content = new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
                }

                if (lastEventId is { Length: > 0 })
                {
                    request.Headers.Add("Last-Event-ID", lastEventId);
                }

                try
                {
                    return await _http.SendAsync(request, lastEventId is not null ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead, token);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    throw new HttpRequestException(HttpRequestError.Unknown, $"Nova has not answered for {AttemptTimeout.TotalSeconds:F0} s.");
                }
            }
        }, context);
        ResilienceContextPool.Shared.Return(context);
        if (answer.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            activity?.SetStatus(ActivityStatusCode.Error);
            throw await Problem.ToExceptionAsync(answer, cancellationToken);
        }
    }

    public void Dispose()
    {
        _tokens.Dispose();
        if (_ownsHttp)
        {
            _http.Dispose();
        }
    }

    /// <summary>As long as the options say in all, never before Nova says.</summary>
    private static ResiliencePipeline<HttpResponseMessage> BuildRetries(TimeSpan retryFor, TimeProvider time)
    {
        var builder = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = time };
        if (retryFor <= TimeSpan.Zero)
        {
            return builder.Build();
        }

        return builder.AddRetry(new RetryStrategyOptions<HttpResponseMessage>
        {
            MaxRetryAttempts = int.MaxValue,
            ShouldHandle = arguments => ValueTask.FromResult(
                IsForNow(arguments.Outcome, arguments.Context.Properties.GetValue(IsRepeatable, false))
                && time.GetElapsedTime(arguments.Context.Properties.GetValue(Started, 0)) + DelayOf(arguments.Outcome.Result, arguments.AttemptNumber) < retryFor),
            DelayGenerator = arguments => ValueTask.FromResult<TimeSpan?>(DelayOf(arguments.Outcome.Result, arguments.AttemptNumber) + TimeSpan.FromMilliseconds(Random.Shared.Next(100))),
            OnRetry = arguments =>
            {
                arguments.Outcome.Result?.Dispose();
                return ValueTask.CompletedTask;
            },
        }).Build();
    }

    /// <param name="outcome">How the attempt ended.</param>
    /// <param name="isRepeatable">False for PATCH and DELETE, which have no key: repeated only where Nova cannot have done it.</param>
    private static bool IsForNow(Outcome<HttpResponseMessage> outcome, bool isRepeatable) => outcome.Exception is HttpRequestException failed
        ? isRepeatable || failed.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
        : outcome.Result?.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable
            || (isRepeatable && outcome.Result?.StatusCode is (HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout));

    private static TimeSpan DelayOf(HttpResponseMessage? answer, int attempt) =>
        (answer is null ? null : Problem.RetryAfter(answer)) ?? TimeSpan.FromMilliseconds(Math.Min(2000, 100 << Math.Min(attempt, 5)));
}
