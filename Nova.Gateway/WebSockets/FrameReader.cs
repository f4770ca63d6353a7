using System.Buffers;
using System.Buffers.Binary;
using System.Text.Unicode;
using Nova.Protocol;

namespace Nova.Gateway.WebSockets;

/// <summary>What a client sent.</summary>
internal enum Received
{
    /// <summary>Nothing whole yet.</summary>
    Nothing,

    Text,
    Ping,
    Pong,
    Close,

    /// <summary>What RFC 6455 or Nova does not allow. Nothing after it is read.</summary>
    Violation,
}

/// <summary>
/// Reads a client's frames, strictly, from whatever pieces they arrive in. Headers and control frames stay in the pipe until they are whole;
/// a message's payload is taken as it comes. Between messages nothing is held.
/// </summary>
internal struct FrameReader
{
    /// <summary>No message needs more. Stops one that never ends, even where its fragments are empty.</summary>
    private const int MaxFragments = 4096;

    private MessageBuffer _message;
    private long _remaining;
    private int _fragments;
    private uint _mask;
    private bool _inMessage;
    private bool _inFrame;
    private bool _isFinal;

    /// <summary>A whole text message, valid until the next <see cref="Read"/>.</summary>
    public readonly ReadOnlyMemory<byte> Message => _message.Message;

    /// <summary>A ping's payload.</summary>
    public byte[] PingPayload { get; private set; }

    /// <summary>What to close with after a <see cref="Received.Violation"/>.</summary>
    public (CloseCode Code, string Reason) Violation { get; private set; }

    /// <summary>Takes from <paramref name="input"/> what it can, up to the end of one message or control frame.</summary>
    public Received Read(ref ReadOnlySequence<byte> input)
    {
        if (!_inMessage)
        {
            _message.Clear(); // The last one was handled.
        }

        while (true)
        {
            var received = _inFrame ? ReadPayload(ref input) : ReadHeader(ref input);
            if (received is { } result)
            {
                return result;
            }
        }
    }

    /// <summary>Gives back what an unfinished message holds.</summary>
    public void Release() => _message.Clear();

    /// <returns>Null when the payload of a text frame comes next.</returns>
    private Received? ReadHeader(ref ReadOnlySequence<byte> input)
    {
        Span<byte> bytes = stackalloc byte[FrameHeader.MaxBytes];
        var peeked = input.Slice(0, Math.Min(input.Length, bytes.Length));
        peeked.CopyTo(bytes);
        if (FrameHeader.Read(bytes[..(int)peeked.Length], out var header, out var size) is { } wrong)
        {
            return Violate(CloseCode.ProtocolError, wrong);
        }

        if (!header.IsControl && header.Length > Limits.MaxMessageBytes - _message.Length) // A control frame is no part of the message around it.
        {
            return Violate(CloseCode.MessageTooBig, $"messages have at most {Limits.MaxMessageBytes} bytes");
        }

        if (size == 0)
        {
            return Received.Nothing;
        }

        if (!header.IsControl)
        {
            input = input.Slice(size);
            return Begin(header);
        }

        if (input.Length < size + header.Length)
        {
            return Received.Nothing;
        }

        var payload = input.Slice(size, header.Length).ToArray();
        Masking.Apply(payload, header.Mask);
        input = input.Slice(size + header.Length);
        return ReadControl(header.Opcode, payload);
    }

    private Received? Begin(FrameHeader header)
    {
        if (_inMessage != (header.Opcode == Opcode.Continuation))
        {
            return Violate(CloseCode.ProtocolError, _inMessage ? "a message was not finished" : "there is nothing to continue");
        }

        if (header.Opcode == Opcode.Binary)
        {
            return Violate(CloseCode.UnsupportedData, "binary messages are not part of the protocol");
        }

        _fragments = _inMessage ? _fragments + 1 : 1;
        if (_fragments > MaxFragments)
        {
            return Violate(CloseCode.MessageTooBig, $"messages have at most {MaxFragments} fragments");
        }

        (_inMessage, _inFrame, _isFinal, _remaining, _mask) = (true, true, header.IsFinal, header.Length, header.Mask);
        return null;
    }

    private Received? ReadPayload(ref ReadOnlySequence<byte> input)
    {
        var arrived = input.Slice(0, Math.Min(input.Length, _remaining));
        _mask = _message.Append(arrived, _mask);
        _remaining -= arrived.Length;
        input = input.Slice(arrived.End);

        _inFrame = _remaining > 0;
        var isWhole = _isFinal && !_inFrame;
        if (!_message.IsUtf8(isWhole))
        {
            return Violate(CloseCode.InvalidPayload, "text must be UTF-8");
        }

        if (isWhole)
        {
            _inMessage = false;
            return Received.Text;
        }

        return _inFrame ? Received.Nothing : null;
    }

    private Received ReadControl(Opcode opcode, byte[] payload)
    {
        switch (opcode)
        {
            case Opcode.Ping:
                PingPayload = payload;
                return Received.Ping;
            case Opcode.Pong:
                return Received.Pong;
            default:
                return payload.Length == 0 ? Received.Close
                    : payload.Length == 1 || !IsCloseCode(BinaryPrimitives.ReadUInt16BigEndian(payload)) ? Violate(CloseCode.ProtocolError, "invalid close code")
                    : !Utf8.IsValid(payload.AsSpan(2)) ? Violate(CloseCode.InvalidPayload, "text must be UTF-8")
                    : Received.Close;
        }
    }

    /// <summary>RFC 6455 7.4 and IANA's registry: codes that may be sent; 1004–1006 and 1015 never travel.</summary>
    private static bool IsCloseCode(int code) => code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);

    private Received Violate(CloseCode code, string reason)
    {
        Violation = (code, reason);
        return Received.Violation;
    }
}
