using Nova.ServiceDefaults.Http;

namespace Nova.Telemetry.Timeline;

/// <summary>A time in equal parts.</summary>
internal sealed record TimeRange(DateTimeOffset Since, DateTimeOffset Until, TimeSpan Bucket)
{
    /// <summary>So many parts a chart needs at most.</summary>
    private const int MaxBuckets = 2000;

    /// <summary>So many it gets where nobody asked for a size.</summary>
    private const int UsualBuckets = 200;

    private static readonly TimeSpan UsualMaxLength = TimeSpan.FromDays(31);

    public static IEnumerable<string> BucketNames => Sizes.Select(size => size.Name);

    private static readonly (string Name, TimeSpan Length)[] Sizes =
    [
        ("10s", TimeSpan.FromSeconds(10)), ("1m", TimeSpan.FromMinutes(1)), ("5m", TimeSpan.FromMinutes(5)), ("15m", TimeSpan.FromMinutes(15)),
        ("1h", TimeSpan.FromHours(1)), ("1d", TimeSpan.FromDays(1)),
    ];

    /// <param name="since">As asked for.</param>
    /// <param name="until">As asked for.</param>
    /// <param name="usually">What is taken where one of them is absent.</param>
    /// <param name="maxLength">31 days where it is null.</param>
    public static TimeRange Read(
        string? bucket, DateTimeOffset? since, DateTimeOffset? until, (DateTimeOffset Since, DateTimeOffset Until) usually, FieldErrors errors, TimeSpan? maxLength = null)
    {
        var longest = maxLength ?? UsualMaxLength;
        var to = until ?? usually.Until;
        var from = since ?? (usually.Since < to ? usually.Since : to.AddHours(-1));
        if (from >= to)
        {
            errors.Add("since", "must be earlier than until");
        }
        else if (to - from > longest)
        {
            errors.Add("since", $"must not be more than {longest.TotalDays} days before until");
        }

        var size = Sizes.FirstOrDefault(size => string.IsNullOrEmpty(bucket) ? (to - from) / size.Length <= UsualBuckets : size.Name == bucket).Length;
        if (size == default && !string.IsNullOrEmpty(bucket))
        {
            errors.Add("bucket", $"must be one of {string.Join(", ", BucketNames)}");
        }
        else if (size != default && (to - from) / size > MaxBuckets)
        {
            errors.Add("bucket", $"must cut the time into at most {MaxBuckets} parts; take a longer one");
        }

        return new(from, to, size == default ? Sizes[^1].Length : size);
    }

    public DateTimeOffset StartOf(DateTimeOffset at) => Since + (Bucket * Math.Floor((at - Since) / Bucket));

    /// <summary>The parts; the last one may be shorter.</summary>
    public IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Buckets()
    {
        for (var start = Since; start < Until; start += Bucket)
        {
            yield return (start, start + Bucket < Until ? start + Bucket : Until);
        }
    }
}
