namespace Qanat.Tls;

/// <summary>Outcome of an incremental reader: it never throws on input, never waits, and consumes nothing unless complete.</summary>
public enum TlsReadStatus
{
    /// <summary>One element was read.</summary>
    Complete,
    /// <summary>What is there is right so far; more bytes are needed.</summary>
    NeedMoreData,
    /// <summary>The bytes can never become valid; end the connection with the error's alert.</summary>
    Malformed,
}
