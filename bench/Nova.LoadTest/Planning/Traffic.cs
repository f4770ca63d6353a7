namespace Nova.LoadTest.Planning;

/// <summary>What happens in the whole system, per second; CPU time is this times unit costs.</summary>
internal sealed class Traffic
{
    /// <summary><c>Gateway:CountInterval</c>: joins and leaves within it are one count.</summary>
    private const double CountInterval = 0.08;

    /// <summary><c>Limits.BitrateInterval</c>: more samples than one in 5 s are not broadcast.</summary>
    private const double BroadcastInterval = 5;

    /// <summary><c>Gateway:RoomLinger</c>: a gateway keeps a stream for so long after its last viewer.</summary>
    private const double RoomLinger = 60;

    public Traffic(PlanInputs inputs)
    {
        Changes = inputs.Streams * inputs.EventsPerMinute / 60;
        Bitrates = inputs.Streams / inputs.BitrateInterval;
        Heartbeats = inputs.Streams / inputs.HeartbeatInterval;
        Joins = inputs.Joins;
        var broadcasts = (inputs.EventsPerMinute / 60) + (1 / Math.Max(inputs.BitrateInterval, BroadcastInterval));
        foreach (var group in StreamMix.Of(inputs.Mix, inputs.Streams, inputs.Viewers))
        {
            Add(inputs, group, broadcasts);
        }
    }

    public double Changes { get; }

    public double Bitrates { get; }

    public double Heartbeats { get; }

    public double Joins { get; }

    /// <summary>Pairs of a stream and a gateway that has a viewer of it; not a rate.</summary>
    public double HeldStreams { get; private set; }

    /// <summary>Joins to a stream that the gateway did not hold.</summary>
    public double Opens { get; private set; }

    /// <summary>Count reports of gateways to Redis.</summary>
    public double Reports { get; private set; }

    /// <summary>Messages that Redis publishes: changes, bitrates and counts.</summary>
    public double Publishes { get; private set; }

    /// <summary>Messages that gateways receive.</summary>
    public double Messages { get; private set; }

    /// <summary>Those beyond the first gateway's, which is part of what a publication costs.</summary>
    public double FurtherMessages { get; private set; }

    /// <summary>Messages that viewers receive.</summary>
    public double Deliveries { get; private set; }

    /// <summary>The largest stream's part of <see cref="Reports"/>, <see cref="Publishes"/> and <see cref="Messages"/>: it cannot leave its shard.</summary>
    public (double Viewers, double Reports, double Publishes, double Messages) Hottest { get; private set; }

    private void Add(PlanInputs inputs, StreamGroup group, double broadcasts)
    {
        var (gateways, viewers) = ((double)inputs.Gateways, group.Viewers);

        // A random viewer misses a given gateway with probability 1 - 1/gateways, all of them with that to the power of viewers.
        var holding = inputs.IsDealtOut ? Math.Min(viewers, gateways) : gateways * (1 - Math.Pow(1 - (1 / gateways), viewers));

        // Joins go to streams in proportion to their viewers; each is followed by a leave.
        var joins = inputs.Viewers > 0 ? inputs.Joins * viewers / inputs.Viewers : 0;
        var reports = holding * Batched(2 * joins / Math.Max(1e-9, holding));
        var counts = Batched(2 * joins);
        var publishes = broadcasts + counts;

        // By the same reckoning for a gateway that held the stream neither for the viewers of now nor for those of the last minute.
        var opens = inputs.IsDealtOut && viewers >= gateways ? 0 : joins * Math.Exp(-(viewers + (joins * RoomLinger)) / gateways);

        HeldStreams += group.Streams * holding;
        Opens += group.Streams * opens;
        Reports += group.Streams * reports;
        Publishes += group.Streams * publishes;
        Messages += group.Streams * publishes * holding;
        FurtherMessages += group.Streams * publishes * Math.Max(0, holding - 1);
        Deliveries += group.Streams * publishes * viewers;
        if (viewers > Hottest.Viewers)
        {
            Hottest = (viewers, reports, publishes, publishes * holding);
        }
    }

    /// <summary>The first change of a batch starts its interval, so each batch takes the interval and the wait for the next change.</summary>
    private static double Batched(double perSecond) => perSecond / (1 + (perSecond * CountInterval));
}
