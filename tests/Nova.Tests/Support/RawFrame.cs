using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;

namespace Nova.Tests.Support;

/// <summary>A frame received from the server, and builders for valid and invalid client frames (RFC 6455, 5.2).</summary>
public sealed record RawFrame(int Opcode, byte[] Payload)
{
    public const int Continuation = 0;
    public const int Text = 1;
    public const int Binary = 2;
    public const int Close = 8;
    public const int Ping = 9;
    public const int Pong = 10;

    /// <summary>No XOR of two of its bytes turns one JSON whitespace into another, so padding unmasked at a wrong offset is invalid.</summary>
    private static readonly byte[] Mask = [0x37, 0xFA, 0x21, 0x3D];

    /// <summary>The encoding of the length.</summary>
    public enum LengthForm
    {
        Minimal,
        Bits16,
        Bits64,
    }

    public string AsText => Encoding.UTF8.GetString(Payload);

    public Frame AsMessage() => Frame.Read(Opcode == Text ? WebSocketMessageType.Text : WebSocketMessageType.Binary, AsText);

    /// <summary>Builds a complete client frame.</summary>
    public static byte[] Build(
        int opcode, ReadOnlySpan<byte> payload = default, bool fin = true, int rsv = 0, bool masked = true, LengthForm form = LengthForm.Minimal)
    {
        var header = Header(opcode, (ulong)payload.Length, fin, rsv, masked, form);
        var frame = new byte[header.Length + payload.Length];
        header.CopyTo(frame, 0);
        payload.CopyTo(frame.AsSpan(header.Length));
        if (masked)
        {
            ApplyMask(frame.AsSpan(header.Length));
        }

        return frame;
    }

    public static byte[] OfText(string text, bool fin = true) => Build(Text, Encoding.UTF8.GetBytes(text), fin);

    public static byte[] OfClose(int code, string reason = "") => OfClose(code, Encoding.UTF8.GetBytes(reason));

    public static byte[] OfClose(int code, ReadOnlySpan<byte> reason) => Build(Close, [(byte)(code >> 8), (byte)code, .. reason]);

    /// <summary>Builds only the header, for a payload of any declared length. If masked, the header ends with the key.</summary>
    public static byte[] Header(
        int opcode, ulong length, bool fin = true, int rsv = 0, bool masked = true, LengthForm form = LengthForm.Minimal)
    {
        if (form == LengthForm.Minimal)
        {
            form = length > ushort.MaxValue ? LengthForm.Bits64 : length > 125 ? LengthForm.Bits16 : LengthForm.Minimal;
        }

        Span<byte> bytes = stackalloc byte[14];
        bytes[0] = (byte)((fin ? 0x80 : 0) | (rsv << 4) | opcode);
        var used = 2;
        switch (form)
        {
            case LengthForm.Bits16:
                bytes[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)length);
                used = 4;
                break;
            case LengthForm.Bits64:
                bytes[1] = 127;
                BinaryPrimitives.WriteUInt64BigEndian(bytes[2..], length);
                used = 10;
                break;
            default:
                bytes[1] = (byte)length;
                break;
        }

        if (masked)
        {
            bytes[1] |= 0x80;
            Mask.CopyTo(bytes[used..]);
            used += Mask.Length;
        }

        return bytes[..used].ToArray();
    }

    /// <summary>Masks a part of a payload.</summary>
    /// <param name="at">The part's offset in the payload.</param>
    public static byte[] Masked(ReadOnlySpan<byte> payload, int at = 0)
    {
        var bytes = payload.ToArray();
        ApplyMask(bytes, at);
        return bytes;
    }

    /// <summary>Splits a message into frames of at most <paramref name="size"/> bytes.</summary>
    public static IReadOnlyList<byte[]> Fragments(ReadOnlySpan<byte> message, int size, int opcode = Text)
    {
        List<byte[]> frames = [];
        for (var at = 0; at < message.Length; at += size)
        {
            var part = message[at..Math.Min(at + size, message.Length)];
            frames.Add(Build(at == 0 ? opcode : Continuation, part, fin: at + size >= message.Length));
        }

        return frames;
    }

    private static void ApplyMask(Span<byte> payload, int at = 0)
    {
        for (var i = 0; i < payload.Length; i++)
        {
            payload[i] ^= Mask[(at + i) % Mask.Length];
        }
    }
}
