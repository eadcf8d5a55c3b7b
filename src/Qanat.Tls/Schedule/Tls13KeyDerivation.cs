using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Schedule;

/// <summary>The functions that the key schedule of TLS 1.3 is made of, with SM3 (RFC 8446 sections 4.4.4, 7.1 to 7.5). Stateless, allocate nothing. Thread-safe.</summary>
public static class Tls13KeyDerivation
{
    /// <summary>Length of every secret in bytes.</summary>
    public const int SecretLength = Sm3.HashSizeInBytes;

    /// <summary>Length of a record key in bytes.</summary>
    public const int KeyLength = 16;

    /// <summary>Length of a record IV in bytes.</summary>
    public const int IvLength = 12;

    private const int MaxLabelLength = 249;

    /// <summary>SM3 of nothing.</summary>
    public static ReadOnlySpan<byte> EmptyHash =>
    [
        0x1A, 0xB2, 0x1D, 0x83, 0x55, 0xCF, 0xA1, 0x7F, 0x8E, 0x61, 0x19, 0x48, 0x31, 0xE8, 0x1A, 0x8F,
        0x22, 0xBE, 0xC8, 0xC7, 0x28, 0xFE, 0xFB, 0x74, 0x7E, 0xD0, 0x35, 0xEB, 0x50, 0x82, 0xAA, 0x2B,
    ];

    /// <summary>HKDF-Expand-Label(secret, label, context, length) (RFC 8446 section 7.1).</summary>
    /// <param name="secret">32 bytes.</param>
    /// <param name="label">Without the prefix "tls13 "; at most 249 bytes.</param>
    /// <param name="context">At most 255 bytes.</param>
    /// <param name="destination">Written; its length is the length asked for. Must not overlap the inputs.</param>
    [SkipLocalsInit]
    public static void ExpandLabel(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(secret.Length, SecretLength, nameof(secret));
        if (destination.Overlaps(secret) || destination.Overlaps(context))
        {
            throw new ArgumentException("The destination must not overlap the secret or the context; derive into a buffer of its own.", nameof(destination));
        }
        HmacSm3Pads pads = HmacSm3Pads.Create(secret);
        ExpandLabelPrepared(pads, label, context, destination);
        pads.Clear();
    }

    /// <summary>HKDF-Expand-Label under a secret that was prepared before: several things derived from one secret cost half of it less. Nothing may overlap.</summary>
    [SkipLocalsInit]
    internal static void ExpandLabelPrepared(in HmacSm3Pads secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(label.Length, MaxLabelLength, nameof(label));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(context.Length, byte.MaxValue, nameof(context));
        ReadOnlySpan<byte> prefix = "tls13 "u8;
        Span<byte> info = stackalloc byte[2 + 1 + byte.MaxValue + 1 + byte.MaxValue];
        BinaryPrimitives.WriteUInt16BigEndian(info, checked((ushort)destination.Length));
        info[2] = (byte)(prefix.Length + label.Length);
        int at = 3;
        prefix.CopyTo(info[at..]);
        label.CopyTo(info[(at += prefix.Length)..]);
        at += label.Length;
        info[at++] = (byte)context.Length;
        context.CopyTo(info[at..]);
        HkdfSm3.ExpandPrepared(secret, info[..(at + context.Length)], destination);
    }

    /// <summary>Derive-Secret(secret, label, messages), where the caller has the hash of the messages (RFC 8446 section 7.1).</summary>
    public static void DeriveSecret(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> transcriptHash, Span<byte> destination) =>
        ExpandLabel(secret, label, transcriptHash, destination[..SecretLength]);

    /// <summary>Record key and IV of a traffic secret (RFC 8446 section 7.3).</summary>
    public static void DeriveRecordKeys(ReadOnlySpan<byte> trafficSecret, Span<byte> key, Span<byte> iv)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(trafficSecret.Length, SecretLength, nameof(trafficSecret));
        HmacSm3Pads pads = HmacSm3Pads.Create(trafficSecret);
        ExpandLabelPrepared(pads, "key"u8, default, key[..KeyLength]);
        ExpandLabelPrepared(pads, "iv"u8, default, iv[..IvLength]);
        pads.Clear();
    }

    /// <summary>Replaces a traffic secret by the next generation's, for KeyUpdate (RFC 8446 section 7.2).</summary>
    public static void UpdateTrafficSecret(Span<byte> trafficSecret)
    {
        Span<byte> next = stackalloc byte[SecretLength];
        ExpandLabel(trafficSecret, "traffic upd"u8, default, next);
        next.CopyTo(trafficSecret);
        CryptographicOperations.ZeroMemory(next);
    }

    /// <summary>verify_data of a Finished, or a binder: HMAC under the finished key of the base key (RFC 8446 sections 4.4.4 and 4.2.11.2).</summary>
    /// <param name="baseKey">Handshake traffic secret of the sender; the binder key for a binder.</param>
    /// <param name="transcriptHash">Hash of the messages covered.</param>
    /// <param name="verifyData">32 bytes, written.</param>
    public static void ComputeFinished(ReadOnlySpan<byte> baseKey, ReadOnlySpan<byte> transcriptHash, Span<byte> verifyData)
    {
        Span<byte> finishedKey = stackalloc byte[SecretLength];
        ExpandLabel(baseKey, "finished"u8, default, finishedKey);
        HmacSm3.HashData(finishedKey, transcriptHash, verifyData);
        CryptographicOperations.ZeroMemory(finishedKey);
    }

    /// <summary>Checks verify_data of a peer's Finished, or a binder, in constant time.</summary>
    public static bool VerifyFinished(ReadOnlySpan<byte> baseKey, ReadOnlySpan<byte> transcriptHash, ReadOnlySpan<byte> verifyData)
    {
        Span<byte> expected = stackalloc byte[SecretLength];
        ComputeFinished(baseKey, transcriptHash, expected);
        bool isRight = CryptographicOperations.FixedTimeEquals(expected, verifyData);
        CryptographicOperations.ZeroMemory(expected);
        return isRight;
    }

    /// <summary>The binder key of a pre-shared key: Derive-Secret(early secret, "res binder" or "ext binder", "").</summary>
    /// <param name="psk">The pre-shared key.</param>
    /// <param name="isExternal">False for a ticket's.</param>
    /// <param name="binderKey">32 bytes, written.</param>
    public static void DeriveBinderKey(ReadOnlySpan<byte> psk, bool isExternal, Span<byte> binderKey)
    {
        Span<byte> early = stackalloc byte[SecretLength];
        HkdfSm3.Extract(psk, default, early);
        DeriveSecret(early, isExternal ? "ext binder"u8 : "res binder"u8, EmptyHash, binderKey);
        CryptographicOperations.ZeroMemory(early);
    }

    /// <summary>The pre-shared key of a ticket: HKDF-Expand-Label(resumption master secret, "resumption", ticket nonce) (RFC 8446 section 4.6.1).</summary>
    public static void DeriveTicketPsk(ReadOnlySpan<byte> resumptionMasterSecret, ReadOnlySpan<byte> ticketNonce, Span<byte> psk) =>
        ExpandLabel(resumptionMasterSecret, "resumption"u8, ticketNonce, psk[..SecretLength]);

    /// <summary>Exports keying material (RFC 8446 section 7.5).</summary>
    /// <param name="exporterMasterSecret">32 bytes.</param>
    /// <param name="label">The purpose, in ASCII.</param>
    /// <param name="context">Mixed in; empty and none are the same here.</param>
    /// <param name="destination">Written; up to 8160 bytes.</param>
    public static void Export(ReadOnlySpan<byte> exporterMasterSecret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> destination)
    {
        Span<byte> secret = stackalloc byte[SecretLength];
        Span<byte> hash = stackalloc byte[Sm3.HashSizeInBytes];
        DeriveSecret(exporterMasterSecret, label, EmptyHash, secret);
        Sm3.HashData(context, hash);
        ExpandLabel(secret, "exporter"u8, hash, destination);
        CryptographicOperations.ZeroMemory(secret);
    }
}
