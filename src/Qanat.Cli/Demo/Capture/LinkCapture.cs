using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using Qanat.Wire;

namespace Qanat.Cli.Demo.Capture;

/// <summary>
/// What a hub could read on its links: the recorded bytes with the WebSocket framing taken off and the client's mask undone,
/// exactly as the hub itself sees them. Searching masked bytes would find nothing in any case and prove nothing.
/// </summary>
internal sealed class LinkCapture
{
    private readonly List<byte[]> _messages = [];
    private readonly HashSet<Mid> _mids = [];
    private readonly HashSet<ulong> _sessions = [];
    private readonly HashSet<(Mid Source, ulong Session, ulong Offset)> _pieces = [];
    private readonly Dictionary<FrameType, int> _frames = [];
    private readonly ArrayBufferWriter<byte> _sessionBytes = new();

    /// <summary>Bytes recorded on the wire.</summary>
    public long WireBytes { get; private set; }

    /// <summary>Frames by type: header 1 is what a hub may read.</summary>
    public IReadOnlyDictionary<FrameType, int> Frames => _frames;

    /// <summary>Mids seen in headers.</summary>
    public IReadOnlySet<Mid> Mids => _mids;

    /// <summary>Session ids seen in headers.</summary>
    public IReadOnlySet<ulong> Sessions => _sessions;

    /// <summary>Bytes of session content (layer 2) that passed, each counted once.</summary>
    public long SessionBytes => _sessionBytes.WrittenCount;

    /// <summary>
    /// Size of the session content after compression, as a share of itself. Ciphertext does not compress: about 1. JSON or HTTP falls below 0.5.
    /// </summary>
    public double CompressedShare()
    {
        if (_sessionBytes.WrittenCount == 0)
        {
            return 0;
        }
        using MemoryStream packed = new();
        using (BrotliStream brotli = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            brotli.Write(_sessionBytes.WrittenSpan);
        }
        return Math.Round((double)packed.Length / _sessionBytes.WrittenCount, 3);
    }

    /// <summary>Adds the connections of a node-hub link: an HTTP upgrade, then WebSocket messages.</summary>
    public void AddWebSocket(IEnumerable<RecordedConnection> connections)
    {
        foreach (RecordedConnection connection in connections)
        {
            foreach (byte[] direction in new[] { connection.FromClient, connection.FromServer })
            {
                WireBytes += direction.Length;
                foreach (byte[] message in WebSocketMessages.Read(direction))
                {
                    Add(message);
                }
            }
        }
    }

    /// <summary>Adds the connections of a hub-hub link: length-prefixed blocks.</summary>
    public void AddTcp(IEnumerable<RecordedConnection> connections)
    {
        foreach (RecordedConnection connection in connections)
        {
            foreach (byte[] direction in new[] { connection.FromClient, connection.FromServer })
            {
                WireBytes += direction.Length;
                int at = 0;
                while (direction.Length - at >= 4)
                {
                    uint length = BinaryPrimitives.ReadUInt32BigEndian(direction.AsSpan(at));
                    int taken = (int)Math.Min(length, (uint)(direction.Length - at - 4));
                    Add(direction[(at + 4)..(at + 4 + taken)]);
                    at += 4 + taken;
                }
            }
        }
    }

    /// <summary>True when the bytes occur in what the hub could read: in one message, or across the messages of the session content.</summary>
    public bool Contains(ReadOnlySpan<byte> needle)
    {
        if (_sessionBytes.WrittenSpan.IndexOf(needle) >= 0)
        {
            return true;
        }
        foreach (byte[] message in _messages)
        {
            if (message.AsSpan().IndexOf(needle) >= 0)
            {
                return true;
            }
        }
        return false;
    }

    private void Add(byte[] message)
    {
        _messages.Add(message);
        if (FrameHeader.TryRead(message, out FrameHeader header, out ReadOnlySpan<byte> payload) != ParseStatus.Complete)
        {
            return;
        }
        _frames[header.Type] = _frames.GetValueOrDefault(header.Type) + 1;
        _mids.Add(header.Source);
        _mids.Add(header.Destination);
        if (header.Type is >= FrameType.Open and <= FrameType.Reset)
        {
            _sessions.Add(header.SessionId);
        }
        // A hub sees a frame come in and go out, and again when it is sent again: the second copy of a ciphertext would compress.
        if (header.Type == FrameType.Data && _pieces.Add((header.Source, header.SessionId, header.Offset)))
        {
            _sessionBytes.Write(payload);
        }
    }
}
