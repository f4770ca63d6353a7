namespace Nova.Protocol;

/// <summary>The protocol's constants. They are not configuration: the document says so for the first five.</summary>
public static class Limits
{
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(30);

    /// <summary>A ping unanswered this long marks the session suspect; it does not close it (S2).</summary>
    public static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);

    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);

    /// <summary>"256 KB", read as 256 KiB of payload after reassembly (S25).</summary>
    public const int MaxMessageBytes = 262_144;

    /// <summary>Messages held for a viewer who falls behind, before the oldest go.</summary>
    public const int Backlog = 100;

    public const int MaxJsonDepth = 32;

    /// <summary>Values in one message, wherever they stand: members, items of arrays, objects and arrays themselves.</summary>
    public const int MaxJsonValues = 1000;

    public const int RequestIdChars = 128;

    public const int ReportIdChars = 128;

    public const int DescriptionBytes = 4096;

    /// <summary>All of <c>client_info</c> as JSON, unknown members included.</summary>
    public const int ClientInfoBytes = 8192;

    public const int ClientInfoDepth = 8;

    /// <summary>RFC 6455 5.5: a control frame's payload is at most 125 bytes, two of them the code.</summary>
    public const int CloseReasonBytes = 123;

    /// <summary>At most one <c>bitrate_update</c> per stream leaves in this time (S33).</summary>
    public static readonly TimeSpan BitrateInterval = TimeSpan.FromSeconds(5);

    public const string ProtocolVersion = "1.0";
}
