using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Nova.Gateway.WebSockets;

namespace Nova.Benchmarks;

/// <summary>The cost of reading client frames and of writing server frames, without sockets.</summary>
[MemoryDiagnoser]
public class Framing
{
    private readonly byte[] _pong = ClientFrame(Encoding.UTF8.GetBytes("""{"event":"pong","data":{"sequence":17,"timestamp":"2026-01-01T00:00:00.000Z"}}"""));
    private readonly byte[] _largest = ClientFrame(new byte[262_144].Select(_ => (byte)'x').ToArray());
    private readonly byte[] _payload = new byte[215];

    [Benchmark]
    public int ReadPong() => Read(_pong);

    [Benchmark]
    public int ReadLargestMessage() => Read(_largest);

    [Benchmark]
    public byte[] WriteCount() => FrameWriter.Write(Opcode.Text, _payload);

    private static int Read(byte[] frame)
    {
        var reader = default(FrameReader);
        var input = new ReadOnlySequence<byte>(frame);
        var received = reader.Read(ref input);
        reader.Release();
        return received == Received.Text ? 1 : throw new InvalidOperationException($"{received}");
    }

    private static byte[] ClientFrame(byte[] payload)
    {
        byte[] key = [0x12, 0x34, 0x56, 0x78];
        byte[] length = payload.Length < 126
            ? [(byte)(0x80 | payload.Length)]
            : [0x80 | 127, .. BitConverter.GetBytes((long)payload.Length).Reverse()];
        return [0x81, .. length, .. key, .. payload.Select((value, i) => (byte)(value ^ key[i % 4]))];
    }
}
