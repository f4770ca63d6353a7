namespace Nova.LoadTest.Workloads;

internal static class WorkloadCatalog
{
    public static readonly IReadOnlyList<Workload> All = [new W1Fanout(), new W3Idle()];
}
