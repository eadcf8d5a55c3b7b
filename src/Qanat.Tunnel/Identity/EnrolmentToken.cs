using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace Qanat.Tunnel.Identity;

/// <summary>
/// A one-time enrolment token, <c>ID.SECRET</c>: the id names it at the hub, the secret proves its possession by a MAC and never travels.
/// Dispose to zero the secret.
/// </summary>
public sealed class EnrolmentToken : IDisposable
{
    /// <summary>Length of the secret, in bytes.</summary>
    public const int SecretLength = 32;

    private const int MaxIdLength = 64;

    // Ids are read out and typed: nothing that looks alike, and no hyphen first, which a command line takes for an option.
    private const string IdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
    private static readonly SearchValues<char> s_idCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    private readonly byte[] _secret;

    private EnrolmentToken(string id, byte[] secret) => (Id, _secret) = (id, secret);

    /// <summary>Names the token at its hub; not secret. 1 to 64 characters of a-z, A-Z, 0-9, '-' and '_'.</summary>
    public string Id { get; }

    /// <summary>The secret; never log it.</summary>
    public ReadOnlySpan<byte> Secret => _secret;

    /// <summary>Makes a token with a random id and secret.</summary>
    public static EnrolmentToken Create() =>
        new(RandomNumberGenerator.GetString(IdAlphabet, 10), RandomNumberGenerator.GetBytes(SecretLength));

    /// <summary>Parses <c>ID.SECRET</c>, the secret in base64url.</summary>
    /// <exception cref="TunnelException"><see cref="TunnelError.InvalidToken"/>; the message does not repeat the text.</exception>
    public static EnrolmentToken Parse(string text)
    {
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot is >= 1 and <= MaxIdLength && text.AsSpan(0, dot).IndexOfAnyExcept(s_idCharacters) < 0)
        {
            byte[] secret = new byte[SecretLength];
            ReadOnlySpan<char> encoded = text.AsSpan(dot + 1);
            if (Base64Url.IsValid(encoded, out int length) && length == SecretLength && Base64Url.TryDecodeFromChars(encoded, secret, out _))
            {
                return new EnrolmentToken(text[..dot], secret);
            }
        }
        throw new TunnelException(TunnelError.InvalidToken, "An enrolment token is written ID.SECRET; copy it whole from 'qanat hub token create'.");
    }

    /// <summary>The whole token, secret included: to be shown once to the one who will enrol.</summary>
    public string DangerousExport() => $"{Id}.{Base64Url.EncodeToString(_secret)}";

    /// <summary>The id only.</summary>
    public override string ToString() => Id;

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);
}
