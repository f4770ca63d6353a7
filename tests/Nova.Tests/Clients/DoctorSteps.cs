using Nova.Cli.Doctor;
using Nova.Cli.Profiles;

namespace Nova.Tests.Clients;

/// <summary>What tests of <c>nova doctor</c> have in common.</summary>
internal static class DoctorSteps
{
    public static Profile Local(Uri address) => new() { Address = address, Kind = TokenKind.Development };

    public static async Task FindsAsync(Profile profile, string check, string detail, string remedy)
    {
        var findings = await ExamineAsync(profile);
        var found = findings.FirstOrDefault(finding => finding.Check == check);
        Assert.True(found?.Outcome == Outcome.Faulty, string.Join('\n', findings));
        Assert.Contains(detail, found.Detail);
        Assert.Contains(remedy, found.Remedy);
        Assert.All(findings.TakeWhile(finding => finding != found), finding => Assert.True(finding.Outcome == Outcome.Healthy || finding.Check == "health", $"{finding}"));
    }

    public static async Task<List<Finding>> ExamineAsync(Profile profile)
    {
        await using var examination = new Examination(profile);
        return await examination.RunAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
    }
}
