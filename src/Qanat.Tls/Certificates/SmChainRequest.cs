namespace Qanat.Tls.Certificates;

/// <summary>How many end certificates a chain starts with.</summary>
public enum SmChainForm
{
    /// <summary>One: TLS 1.3.</summary>
    One,

    /// <summary>Two, first to sign, then to encrypt: TLCP (GB/T 38636 section 6.4.5.3).</summary>
    Pair,

    /// <summary>Two, or one when no second end certificate follows: GmSSL's clients in TLCP ECC suites.</summary>
    PairOrOne,
}

/// <summary>Who showed the chain.</summary>
public enum SmChainRole
{
    /// <summary>A server.</summary>
    Server,

    /// <summary>A client.</summary>
    Client,
}

/// <summary>What a chain must be good for.</summary>
/// <param name="Role">Who showed it.</param>
/// <param name="Form">How many end certificates it starts with.</param>
/// <param name="HostName">The name or IP address that the end certificates must be for; null: not checked.</param>
public readonly record struct SmChainRequest(SmChainRole Role, SmChainForm Form, string? HostName)
{
    /// <summary>A server that must be <paramref name="hostName"/>.</summary>
    public static SmChainRequest Server(string hostName, SmChainForm form)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostName);
        return new(SmChainRole.Server, form, hostName);
    }

    /// <summary>A server of any name: whoever has a chain to an anchor is accepted.</summary>
    public static SmChainRequest ServerOfAnyName(SmChainForm form) => new(SmChainRole.Server, form, null);

    /// <summary>A client.</summary>
    public static SmChainRequest Client(SmChainForm form) => new(SmChainRole.Client, form, null);
}

/// <summary>How revocation lists are used.</summary>
public enum SmRevocationMode
{
    /// <summary>Where the store has lists of an authority, one must be fresh and must not name the certificate; an authority without lists is trusted.</summary>
    WhenListed,

    /// <summary>Every authority below the anchor must have a fresh list.</summary>
    Required,

    /// <summary>Lists are not looked at.</summary>
    Off,
}

/// <summary>Bounds and policy of a validator.</summary>
public sealed record SmChainOptions
{
    /// <summary>Most certificates in one message. Default 10.</summary>
    public int MaxCertificates { get; init; } = 10;

    /// <summary>Most bytes of certificates in one message. Default 128 KiB.</summary>
    public int MaxChainBytes { get; init; } = 128 * 1024;

    /// <summary>Most authorities on one path, the anchor included. Default 8.</summary>
    public int MaxAuthorities { get; init; } = 8;

    /// <summary>Most signatures that one validation verifies, so that a crafted chain cannot hold a core. Default 32.</summary>
    public int MaxSignatures { get; init; } = 32;

    /// <summary>How revocation lists are used. Default <see cref="SmRevocationMode.WhenListed"/>.</summary>
    public SmRevocationMode Revocation { get; init; }

    /// <summary>How much clocks may differ. Default 0.</summary>
    public TimeSpan ClockSkew { get; init; }
}
