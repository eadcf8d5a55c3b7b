using Qanat.Wire.Mux;

namespace Qanat.Tunnel.Mux;

/// <summary>Settings of <see cref="MuxSession"/>. Immutable.</summary>
public sealed record MuxOptions
{
    /// <summary>The defaults.</summary>
    public static MuxOptions Default { get; } = new();

    /// <summary>Windows, counts and rates.</summary>
    public MuxLimits Limits { get; init; } = new();

    /// <summary>How long an OPEN waits for first bytes to travel with it.</summary>
    public TimeSpan OpenDelay { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>How long a disposed connection may take to deliver what was written before it is reset.</summary>
    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an orderly end may take to deliver what was written.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(2);
}
