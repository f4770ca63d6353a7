namespace Nova.LoadTest.Workloads;

internal static class WorkloadCatalog
{
    public static readonly IReadOnlyList<Workload> All =
    [
        new W1Fanout(), new W2ManyStreams(), new W3Idle(), new W4ConnectStorm(), new W5Churn(), new W6SlowReaders(),
        new W7Upstream(), new W8Cluster(), new W10Soak(), new W12QuietStreams(), new W13Samples(), new W14ReportQueries(),
    ];
}
