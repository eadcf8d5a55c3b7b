namespace Qanat.Tls.Certificates;

/// <summary>The outcome of a validation. Immutable.</summary>
public sealed class SmChainResult
{
    internal SmChainResult(
        IReadOnlyList<SmCertificate> presented, SmCertificate? sign, SmCertificate? encrypt, IReadOnlyList<SmCertificate> path,
        IReadOnlyList<SmChainFailure> failures, DateTimeOffset validFrom, DateTimeOffset validUntil)
    {
        (Presented, SignCertificate, EncryptCertificate, Path, Failures) = (presented, sign, encrypt, path, failures);
        (ValidFrom, ValidUntil) = (validFrom, validUntil);
    }

    /// <summary>True when the chain is good.</summary>
    public bool IsValid => Failures.Count == 0;

    /// <summary>Everything that is wrong, the certificate nearest to the end first.</summary>
    public IReadOnlyList<SmChainFailure> Failures { get; }

    /// <summary>The certificates as sent, as far as they could be read.</summary>
    public IReadOnlyList<SmCertificate> Presented { get; }

    /// <summary>The signing certificate, or the only one.</summary>
    public SmCertificate? SignCertificate { get; }

    /// <summary>The encryption certificate of a pair; null for a single chain.</summary>
    public SmCertificate? EncryptCertificate { get; }

    /// <summary>From the signing certificate to the anchor; empty when no path was found.</summary>
    public IReadOnlyList<SmCertificate> Path { get; }

    /// <summary>The first moment at which every certificate and list used is valid.</summary>
    public DateTimeOffset ValidFrom { get; }

    /// <summary>The last such moment.</summary>
    public DateTimeOffset ValidUntil { get; }

    /// <summary>True when signatures were verified at an earlier time.</summary>
    public bool IsFromCache { get; private init; }

    /// <summary>All failures in one line for a log; empty for a good chain.</summary>
    public override string ToString() => string.Join("; ", Failures.Select(f => f.Message));

    internal SmChainResult FromCache() => new(Presented, SignCertificate, EncryptCertificate, Path, Failures, ValidFrom, ValidUntil) { IsFromCache = true };

    internal SmChainResult With(IReadOnlyList<SmChainFailure> failures) =>
        new(Presented, SignCertificate, EncryptCertificate, Path, [.. Failures, .. failures], ValidFrom, ValidUntil) { IsFromCache = IsFromCache };
}
