using Qanat.Tunnel.Mux;
using Qanat.Wire;
using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Tests.Mux;

/// <summary>A peer that writes whatever bytes it likes to a server session, and sees the frames that come back.</summary>
internal sealed class RawPeer : IAsyncDisposable
{
    private readonly MemoryDuplex _stream;
    private byte[] _unparsed = [];

    public RawPeer(IStreamAcceptor? acceptor, MuxOptions? options = null, TimeProvider? time = null, int buffer = 1 << 20)
    {
        (_stream, MemoryDuplex other) = MemoryDuplex.Create(buffer);
        Session = new MuxSession(other, false, options ?? MuxOptions.Default, MuxPair.ClientMid, "raw", acceptor, null, null, time);
        Session.Start();
    }

    public MuxSession Session { get; }

    public ValueTask SendAsync(params byte[][] frames) => _stream.WriteAsync(frames.SelectMany(f => f).ToArray());

    /// <summary>The next frame from the session; null at the end of the stream.</summary>
    public async Task<(MuxFrameHeader Header, byte[] Payload)?> ReceiveAsync()
    {
        while (true)
        {
            if (Take() is { } frame)
            {
                return frame;
            }
            byte[] more = new byte[65536];
            int read = await _stream.ReadAsync(more).AsTask().WaitAsync(MuxSessionTests.Limit);
            if (read == 0)
            {
                return null;
            }
            _unparsed = [.. _unparsed, .. more[..read]];
        }
    }

    /// <summary>Skips to the next frame of a type.</summary>
    public async Task<(MuxFrameHeader Header, byte[] Payload)> ReceiveAsync(MuxFrameType type)
    {
        while (true)
        {
            (MuxFrameHeader Header, byte[] Payload) frame = await ReceiveAsync() ?? throw new EndOfStreamException();
            if (frame.Header.Type == type)
            {
                return frame;
            }
        }
    }

    public static byte[] Frame(MuxFrameType type, uint id, params byte[] payload)
    {
        byte[] frame = new byte[MuxFrameHeader.Length + payload.Length];
        new MuxFrameHeader(type, id, payload.Length).Write(frame);
        payload.CopyTo(frame, MuxFrameHeader.Length);
        return frame;
    }

    public static byte[] Opening(uint id, params byte[] first) => Frame(MuxFrameType.Open, id, [1, (byte)'s', .. first]);

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await Session.DisposeAsync();
    }

    private (MuxFrameHeader, byte[])? Take()
    {
        ReadOnlySpan<byte> rest = _unparsed;
        if (MuxFrameParser.TryTake(ref rest, out MuxFrameHeader header, out ReadOnlySpan<byte> payload) != ParseStatus.Complete)
        {
            return null;
        }
        (MuxFrameHeader, byte[]) frame = (header, payload.ToArray());
        _unparsed = rest.ToArray();
        return frame;
    }
}
