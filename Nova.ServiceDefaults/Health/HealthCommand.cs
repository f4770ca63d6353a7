using System.Net.Sockets;

namespace Nova.ServiceDefaults.Health;

/// <summary>
/// <c>dotnet Nova.Gateway.dll health [address]</c>: asks a service that runs beside it whether it is ready. For container engines, whose health check is a
/// program in the image; ours have no shell.
/// </summary>
internal static class HealthCommand
{
    private const string Name = "health";

    private static readonly Uri Default = new("http://127.0.0.1:8080/health");

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static bool IsIn(string[] args) => args is [Name, ..];

    /// <returns>The exit code: 0 where the service answers 200.</returns>
    public static int Run(string[] args)
    {
        if (args.Length > 2 || (args.Length == 2 && !(Uri.TryCreate(args[1], UriKind.Absolute, out var given) && given.Scheme is "http" or "https")))
        {
            Console.Error.WriteLine($"usage: {Name} [address], such as {Name} {Default}");
            return 2;
        }

        var address = args.Length == 2 ? new Uri(args[1]) : Default;
        try
        {
            using var http = new HttpClient { Timeout = Patience };
            using var answer = http.Send(new HttpRequestMessage(HttpMethod.Get, address));
            using var body = new StreamReader(answer.Content.ReadAsStream());
            Console.WriteLine($"{(int)answer.StatusCode} {body.ReadToEnd()}");
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or TaskCanceledException)
        {
            Console.WriteLine($"{address} does not answer: {exception.Message}");
            return 1;
        }
    }
}
