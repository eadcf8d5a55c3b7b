namespace Qanat.Cli.Demo.Capture;

/// <summary>
/// A wire tap without root: a loopback TCP proxy that passes everything on unchanged and keeps a copy of both directions.
/// What it keeps is bounded; past the bound it passes bytes on without keeping them and says so.
/// </summary>
internal sealed class RecordingProxy : IAsyncDisposable
{
    private readonly LoopbackProxy _proxy;
    private readonly long _maxBytes;
    private readonly Lock _lock = new();
    private readonly List<Recording> _recordings = [];
    private long _keptBytes;

    public RecordingProxy(int port, int targetPort, long maxBytes = 256 << 20)
    {
        _maxBytes = maxBytes;
        _proxy = new LoopbackProxy(port, targetPort, Record);
    }

    /// <summary>Where clients of the target connect instead.</summary>
    public int Port => _proxy.Port;

    /// <summary>True when something passed that was not kept: a search of the recordings would prove nothing.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>A copy of every connection so far, also of those that are still open.</summary>
    public IReadOnlyList<RecordedConnection> Snapshot()
    {
        lock (_lock)
        {
            return [.. _recordings.Select(r => new RecordedConnection(r.FromClient.ToArray(), r.FromServer.ToArray()))];
        }
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private ConnectionWatch Record()
    {
        Recording recording = new();
        lock (_lock)
        {
            _recordings.Add(recording);
        }
        return (fromClient, bytes) =>
        {
            Keep(fromClient ? recording.FromClient : recording.FromServer, bytes.Span);
            return ValueTask.CompletedTask;
        };
    }

    private void Keep(MemoryStream copy, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_keptBytes + bytes.Length > _maxBytes)
            {
                IsTruncated = true;
                return;
            }
            _keptBytes += bytes.Length;
            copy.Write(bytes);
        }
    }

    private sealed class Recording
    {
        public MemoryStream FromClient { get; } = new();
        public MemoryStream FromServer { get; } = new();
    }
}

/// <summary>Both directions of one TCP connection, as they were on the wire.</summary>
internal sealed record RecordedConnection(byte[] FromClient, byte[] FromServer);
