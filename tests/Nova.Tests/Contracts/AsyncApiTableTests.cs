using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;
using Nova.Gateway.Admission;
using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Streams;

namespace Nova.Tests.Contracts;

/// <summary>The tables beside the contract's messages: close codes, error codes, refusals, rates.</summary>
public sealed class AsyncApiTableTests
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Codes of answers over REST only.</summary>
    private static readonly string[] RestOnly =
    [
        ErrorCodes.InvalidRequest, ErrorCodes.InvalidTransition, ErrorCodes.VersionMismatch, ErrorCodes.StreamExists, ErrorCodes.IdempotencyKeyReused,
        ErrorCodes.NotFound, ErrorCodes.ViewerNotFound,
    ];

    private static readonly JsonObject Channel = AsyncApiDocument.Instance.Channel;

    private static readonly List<JsonNode> Errors = [.. Channel["x-nova-error-codes"]!["errors"]!.AsArray().Select(row => row!)];

    private static readonly List<JsonNode> Refusals = [.. Channel["x-nova-handshake"]!["refusals"]!.AsArray().Select(row => row!)];

    [Fact]
    public void CloseCodes_AreThoseOfTheProtocol()
    {
        var rows = Channel["x-nova-close-codes"]!.AsArray();
        Assert.Equal(Enum.GetValues<CloseCode>().Select(code => (int)code), rows.Select(row => (int)row!["code"]!));
        Assert.All(rows, row => Assert.True(Text(row!, "when") is { Length: > 0 } && Text(row!, "reconnect") is { Length: > 0 }));
    }

    [Fact]
    public void ErrorCodes_AreThoseOfTheProtocol()
    {
        var known = typeof(ErrorCodes).GetFields().Select(field => (string)field.GetRawConstantValue()!).Except(RestOnly);
        var listed = Errors.Concat(Refusals).Select(row => Text(row, "error_code")).Distinct();
        Assert.Equivalent(known, listed, strict: true);
    }

    [Fact]
    public void GatewaysErrors_AreThoseItSends()
    {
        var now = DateTimeOffset.UnixEpoch;
        var sent = typeof(Notices).GetMethods(BindingFlags.Static | BindingFlags.Public)
            .Select(notice => (ErrorMessage)notice.Invoke(null, [.. notice.GetParameters().Select(parameter => parameter.ParameterType == typeof(string) ? "x" : (object)now)])!)
            .Append(DroppedNotice());
        Assert.Equivalent(sent.Select(Row).Distinct(), Errors.Where(row => Text(row, "sender") == "gateway").Select(Row), strict: true);
    }

    [Fact]
    public void StreamsErrors_AreThoseItSends() => Assert.Equivalent(
        new[] { PublishError.ConnectionLost, PublishError.ConnectionRestored }.Select(error => (error.ErrorCode, WireNames<ErrorSeverity>.Of(error.Severity), error.Recoverable)),
        Errors.Where(row => Text(row, "sender") == "stream").Select(Row),
        strict: true);

    [Fact]
    public void Refusals_AreThoseOfTheGateway()
    {
        var own = typeof(Refusal).GetFields(AnyStatic).Where(field => field.FieldType == typeof(Refusal)).Select(field => (Refusal)field.GetValue(null)!)
            .Concat([Refusal.NoUpgrade(StatusCodes.Status426UpgradeRequired, ""), Refusal.NoUpgrade(StatusCodes.Status400BadRequest, "")])
            .Select(refusal => (refusal.Status, refusal.ErrorCode, refusal.Reason, refusal.MayRetry))
            .Append((StatusCodes.Status405MethodNotAllowed, "METHOD_NOT_ALLOWED", null, false));
        Assert.Equivalent(own.Concat(OfTokens()).Distinct(), Refusals.Select(row =>
            ((int)row["status"]!, (string)row["error_code"]!, (string?)row["reason"], (bool)row["retry"]!)), strict: true);
    }

    [Fact]
    public void Rates_AreThoseOfTheGateway() => Assert.Equivalent(
        typeof(MessageLimits).GetFields(AnyStatic).Where(field => field.FieldType == typeof(Rate) && field.Name != "Notices")
            .Select(field => (JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Name), (Rate)field.GetValue(null)!)),
        Channel["x-nova-rates"]!.AsObject().Where(rate => rate.Key != "description").Select(rate => (rate.Key, RateOf(rate.Value!))),
        strict: true);

    private static IEnumerable<(int Status, string ErrorCode, string? Reason, bool MayRetry)> OfTokens()
    {
        var refusals = typeof(TokenRefusal).GetFields(AnyStatic).Where(field => field.FieldType == typeof(TokenRefusal)).Select(field => (TokenRefusal)field.GetValue(null)!)
            .Concat(new Exception[]
            {
                new SecurityTokenExpiredException(), new SecurityTokenNotYetValidException(), new SecurityTokenNoExpirationException(),
                new SecurityTokenInvalidAudienceException(), new SecurityTokenInvalidIssuerException(),
            }.Select(TokenRefusal.Of));
        return refusals.Select(refusal =>
            refusal == TokenRefusal.KeysUnavailable ? (StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServerError, refusal.Reason, true)
            : (refusal == TokenRefusal.Ambiguous ? StatusCodes.Status400BadRequest : StatusCodes.Status401Unauthorized, ErrorCodes.ConnectionRejected, (string?)refusal.Reason, false));
    }

    /// <summary>What a backlog that overflows says of itself.</summary>
    private static ErrorMessage DroppedNotice()
    {
        var backlog = new Backlog(Guid.NewGuid(), TimeProvider.System);
        for (var i = 0; i <= Limits.Backlog; i++)
        {
            backlog.Add(PreparedFrame.Of(new Ping(i + 1, DateTimeOffset.UnixEpoch)));
        }

        var envelope = JsonElement.Parse(backlog.Take()!.Payload.Span);
        Assert.Empty(AsyncApiDocument.Instance.Validate(EventNames.Error, envelope));
        return envelope.GetProperty("data").Deserialize(ProtocolJson.Default.ErrorMessage)!;
    }

    private static (string Code, string Severity, bool Recoverable) Row(ErrorMessage error) =>
        (error.ErrorCode, WireNames<ErrorSeverity>.Of(error.Severity), error.Recoverable);

    private static (string Code, string Severity, bool Recoverable) Row(JsonNode row) => (Text(row, "error_code"), Text(row, "severity"), (bool)row["recoverable"]!);

    private static Rate RateOf(JsonNode rate) => new(
        rate["per_second"] is { } perSecond ? (double)perSecond : (double)rate["per_minute"]! / 60, (int)rate["burst"]!);

    private static string Text(JsonNode row, string member) => (string)row[member]!;
}
