using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Nova.Cli.Simulation;

/// <summary>Below the WebSocket: while there is silence, no byte of a viewer's connection passes, RFC 6455's own pings and close frames included. They pass afterwards, as over a network that stalled.</summary>
internal sealed class SilenceGate(FaultSwitches switches)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private volatile bool _isViewer;

    /// <summary>Requests that command faults pass always.</summary>
    public void HoldsFromNowOn() => _isViewer = true;

    public static ConnectionDelegate Wrap(ConnectionDelegate next, FaultSwitches switches) => async connection =>
    {
        var gate = new SilenceGate(switches);
        connection.Features.Set(gate);
        var transport = connection.Transport;
        var (input, output) = (new Pipe(), new Pipe());
        connection.Transport = new Duplex(input.Reader, output.Writer);
        var up = gate.PumpAsync(transport.Input, input.Writer, connection.ConnectionClosed);
        var down = gate.PumpAsync(output.Reader, transport.Output, connection.ConnectionClosed);
        try
        {
            await next(connection);
        }
        finally
        {
            await output.Writer.CompleteAsync();
            await down.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await input.Reader.CompleteAsync();
            transport.Input.CancelPendingRead();
            await up.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    };

    public async Task PassAsync(CancellationToken cancellationToken)
    {
        while (switches.IsSilent)
        {
            await Task.Delay(LookAgain, cancellationToken);
        }
    }

    private async Task PumpAsync(PipeReader from, PipeWriter to, CancellationToken closed)
    {
        try
        {
            while (await from.ReadAsync(closed) is var read && !(read.IsCompleted && read.Buffer.IsEmpty) && !read.IsCanceled)
            {
                if (_isViewer)
                {
                    await PassAsync(closed);
                }

                foreach (var part in read.Buffer)
                {
                    to.Write(part.Span);
                }

                from.AdvanceTo(read.Buffer.End);
                if ((await to.FlushAsync(closed)).IsCompleted)
                {
                    break;
                }
            }
        }
        finally
        {
            await to.CompleteAsync();
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
