using System.CommandLine;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Systems;
using Nova.LoadTest.Systems.Peers;

namespace Nova.LoadTest.Commands;

/// <summary><c>peers</c>: downloads the peers' programs.</summary>
internal static class PeersCommand
{
    public static Command Create()
    {
        var command = new Command("peers", "Downloads the peers' programs (Debian and npm packages) into the user's cache folder; installs nothing.");
        command.SetAction((_, cancellationToken) => Terminal.RunAsync(() => PrepareAsync(SystemCatalog.Names, cancellationToken)));
        return command;
    }

    /// <summary>Prepares each system and prints whether it can be measured.</summary>
    /// <returns>The systems that can be measured.</returns>
    public static async Task<List<string>> PrepareAsync(IEnumerable<string> names, CancellationToken cancellationToken)
    {
        List<string> ready = [];
        foreach (var name in names)
        {
            await using var system = SystemCatalog.Create(name, Placement.Choose(bothCores: false));
            try
            {
                if (system is PeerSystem peer)
                {
                    await peer.PrepareAsync(cancellationToken);
                }

                ready.Add(name);
                await Console.Error.WriteLineAsync($"{name} is ready: {system.Description}.");
            }
            catch (LoadTestException missing)
            {
                await Console.Error.WriteLineAsync($"{name} is skipped. {missing.Message}");
            }
        }

        return ready;
    }
}
