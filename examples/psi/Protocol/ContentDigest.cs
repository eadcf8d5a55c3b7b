using System.Security.Cryptography;

namespace Psi.Protocol;

/// <summary>The header that lets both sides check every body they get (RFC 9530): <c>Content-Digest: sha-256=:BASE64:</c>.</summary>
internal static class ContentDigest
{
    internal const string Header = "Content-Digest";

    internal static string Of(ReadOnlySpan<byte> body)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(body, hash);
        return $"sha-256=:{Convert.ToBase64String(hash)}:";
    }

    internal static bool Matches(string? header, ReadOnlySpan<byte> body) => header is not null && header == Of(body);
}
