using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>
/// Defends a broadcaster's no against a viewer who comes from all sides while it is said: on every gateway each socket of his is closed or was
/// never opened, others stay, and a new token does not bring him back.
/// </summary>
public sealed class KickRaceTests(NovaFixture nova)
{
    private const int Rounds = 6;
    private const int Sockets = 24;

    [Fact]
    public async Task Kick_WhileTheViewerConnectsEverywhere_LeavesNoSocketOfHis()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var stream = await nova.Api.StartStreamAsync();
            var subject = $"unwanted-{Guid.CreateVersion7():N}";
            var token = await nova.Api.TokenAsync(subject);
            await using var other = await stream.WatchAsync();
            await using var first = await stream.WatchAsync(viewerToken: token);
            var viewerId = (await first.WaitForAsync(EventNames.ConnectionEstablished)).Text("viewer_id");

            var comers = Enumerable.Range(0, Sockets).Select(i => ComeAsync(stream, token, gateway: i % 2, after: TimeSpan.FromMilliseconds(i * 4))).ToList();
            await Task.Delay(round * 15);
            var kicked = await nova.Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{viewerId}", null, stream.Token);
            Assert.Equal(202, (int)kicked.Status);

            Assert.Equal(4403, await first.WaitForCloseAsync());
            Assert.All(await Task.WhenAll(comers), ending => Assert.Contains(ending, new[] { 403, 4403 }));
            Assert.Null(other.CloseCode);
            foreach (var gateway in nova.Api.Gateways)
            {
                // A token of his that is new, by way of either gateway.
                using var http = new HttpClient { BaseAddress = gateway };
                using var again = await http.GetAsync($"{stream.Path}/ws?token={await nova.Api.TokenAsync(subject)}");
                Assert.Equal(403, (int)again.StatusCode);
            }

            await other.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 1, from: 0);
            await Eventually.TrueAsync(async () => (await stream.GetAsync()).Number("viewer_count") == 1, "only the other one is counted");
        }
    }

    /// <returns>The status it was refused with, or the code it was closed with.</returns>
    private async Task<int> ComeAsync(TestStream stream, string token, int gateway, TimeSpan after)
    {
        await Task.Delay(after);
        var address = nova.Api.Gateways[gateway];
        await using var viewer = await RawViewer.OpenAsync(address);
        var answer = await viewer.UpgradeAsync(RawViewer.Request(address, $"{stream.Path}/ws?token={token}"));
        return answer.Status != 101 ? answer.Status : (await viewer.ReadToEndAsync(viewer.AnswerCloseAsync)).CloseCode ?? 0;
    }
}
