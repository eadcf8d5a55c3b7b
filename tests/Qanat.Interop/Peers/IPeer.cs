namespace Qanat.Interop.Peers;

/// <summary>A foreign implementation.</summary>
internal interface IPeer
{
    /// <summary>As in <see cref="Cell.Peer"/>.</summary>
    string Name { get; }

    /// <summary>Why it cannot be used; null when it can.</summary>
    string? Missing { get; }

    /// <summary>What the peer says of itself.</summary>
    string Version { get; }

    /// <summary>Starts its end of a connection.</summary>
    /// <param name="cell">What it is to speak.</param>
    /// <param name="port">Where it listens, on loopback, or connects to.</param>
    /// <param name="pki">Certificates and keys.</param>
    /// <param name="folder">For its files.</param>
    PeerRun Start(Cell cell, int port, InteropPki pki, string folder);
}

/// <summary>A peer's end of a connection while it runs.</summary>
internal abstract class PeerRun : IAsyncDisposable
{
    /// <summary>True when it sends back what it receives; then it has nothing of its own to send.</summary>
    public required bool IsEcho { get; init; }

    /// <summary>Most bytes that are written to it in one record.</summary>
    public int MaxRecordBytes { get; init; } = Payload.Length;

    /// <summary>The command line, for who wants to run it by hand.</summary>
    public abstract string Command { get; }

    /// <summary>What it said about what it does.</summary>
    public abstract string Log { get; }

    /// <summary>Has it send a payload. For a client whose program sends a file, that was done at its start.</summary>
    public abstract Task SendAsync(byte[] payload, CancellationToken cancellationToken);

    /// <summary>Waits until it has received a payload, and says whether it is the one that was sent.</summary>
    public abstract Task<bool> HasReceivedAsync(byte[] payload, CancellationToken cancellationToken);

    /// <summary>Ends it if it has not ended.</summary>
    public abstract ValueTask DisposeAsync();
}
