using System.CommandLine;
using Nova.LocalInfra;
using Nova.Standalone;

var port = new Option<int>("--port") { Description = "Port of the first gateway; 0 takes a free one", DefaultValueFactory = _ => 8080 };
var gateways = new Option<int>("--gateways") { Description = "Number of gateways, on consecutive ports", DefaultValueFactory = _ => 1 };
var data = new Option<DirectoryInfo>("--data") { Description = "Folder for the database and the signing key", DefaultValueFactory = _ => new DirectoryInfo(".nova") };
var demo = new Option<bool>("--demo") { Description = "Run a simulated broadcast", DefaultValueFactory = _ => true };
var noDemo = new Option<bool>("--no-demo") { Description = "Run no simulated broadcast; the same as --demo false" };
port.Validators.Add(result => Terminal.CheckRange(result, port, 0, 65_535));
gateways.Validators.Add(result => Terminal.CheckRange(result, gateways, 1, 16));

var command = new RootCommand("Nova in one process: gateway, stream state and telemetry, with a private PostgreSQL and Redis.") { port, gateways, data, demo, noDemo };
command.SetAction(async (arguments, cancellationToken) =>
{
    var options = new StackOptions
    {
        Port = arguments.GetValue(port),
        Gateways = arguments.GetValue(gateways),
        DataFolder = arguments.GetValue(data)!.FullName,
    };
    try
    {
        await Terminal.RunAsync(options, arguments.GetValue(demo) && !arguments.GetValue(noDemo), cancellationToken);
        return 0;
    }
    catch (LocalInfraException problem)
    {
        await Console.Error.WriteLineAsync(problem.Message);
        return 1;
    }
});
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(10) });
