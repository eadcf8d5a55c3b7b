namespace Qanat.Wire;

/// <summary>Outcome of an incremental parser: it never throws on input, never waits, and consumes nothing unless complete.</summary>
public enum ParseStatus
{
    /// <summary>One element was parsed.</summary>
    Complete,
    /// <summary>What is there is right so far; more bytes are needed.</summary>
    NeedMoreData,
    /// <summary>The bytes can never become valid; close the connection.</summary>
    Malformed,
}
