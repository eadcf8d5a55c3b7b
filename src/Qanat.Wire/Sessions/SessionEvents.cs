namespace Qanat.Wire.Sessions;

/// <summary>What an input changed; the driver wakes readers, writers and waiters by it.</summary>
[Flags]
public enum SessionEvents
{
    /// <summary>Nothing the application can see.</summary>
    None = 0,
    /// <summary>The session was opened (initiator: ACCEPT came).</summary>
    Established = 1,
    /// <summary>Bytes, or the end of the peer's stream, can be read.</summary>
    Readable = 2,
    /// <summary>There is room to write again.</summary>
    Writable = 4,
    /// <summary>The session ended; <see cref="SessionState.EndReason"/> says why.</summary>
    Ended = 8,
    /// <summary>The peer answered after a break: bytes flow again.</summary>
    Resumed = 16,
}

/// <summary>Life of a session.</summary>
public enum SessionPhase
{
    /// <summary>Initiator: OPEN sent or about to be.</summary>
    Opening,
    /// <summary>Bytes may flow.</summary>
    Established,
    /// <summary>Over: see <see cref="SessionState.EndReason"/>.</summary>
    Ended,
}

/// <summary>Counters of one session since it began.</summary>
/// <param name="BytesSent">Stream bytes sent for the first time.</param>
/// <param name="BytesReceived">In-order stream bytes received.</param>
/// <param name="BytesRetransmitted">Stream bytes sent again.</param>
/// <param name="DuplicateBytes">Stream bytes received again and dropped.</param>
/// <param name="Gaps">Times bytes were found missing on the way in.</param>
/// <param name="Timeouts">Retransmission time-outs.</param>
/// <param name="Resumes">Breaks after which the peer was found again.</param>
/// <param name="StaleFrames">Acknowledgements and RESUMEs that came late and were ignored.</param>
public readonly record struct SessionCounters(
    long BytesSent, long BytesReceived, long BytesRetransmitted, long DuplicateBytes, long Gaps, long Timeouts, long Resumes, long StaleFrames);
