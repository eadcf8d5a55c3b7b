using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Qanat.Gm;

/// <summary>The two forms of a signature: r, s of 32 bytes each, and SEQUENCE { INTEGER r, INTEGER s } (GM/T 0009-2012 section 7.3).</summary>
internal static class Sm2SignatureFormat
{
    /// <summary>Two integers of 33 bytes with their heads, and the head of the sequence.</summary>
    public const int MaxDerSize = 2 + 2 * 35;

    public static int MaxSize(DSASignatureFormat format) => format switch
    {
        DSASignatureFormat.IeeeP1363FixedFieldConcatenation => Sm2.SignatureSizeInBytes,
        DSASignatureFormat.Rfc3279DerSequence => MaxDerSize,
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "The format must be IeeeP1363FixedFieldConcatenation or Rfc3279DerSequence."),
    };

    public static int Write(in Limbs r, in Limbs s, Span<byte> destination, DSASignatureFormat format)
    {
        if (format == DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
        {
            r.WriteBytes(destination[..32]);
            s.WriteBytes(destination.Slice(32, 32));
            return Sm2.SignatureSizeInBytes;
        }
        int end = WriteInteger(r, destination, 2);
        end = WriteInteger(s, destination, end);
        destination[0] = 0x30;
        destination[1] = (byte)(end - 2);
        return end;
    }

    /// <summary>Reads r and s, both from 1 to n - 1; false if they are not, or if the form is not exactly that (DER: shortest lengths, nothing after the end).</summary>
    public static bool TryRead(ReadOnlySpan<byte> signature, DSASignatureFormat format, out Limbs r, out Limbs s)
    {
        r = s = default;
        if (MaxSize(format) == Sm2.SignatureSizeInBytes)
        {
            if (signature.Length != Sm2.SignatureSizeInBytes) return false;
            r = Limbs.FromBytes(signature);
            s = Limbs.FromBytes(signature[32..]);
        }
        else if (!TryReadDer(signature, out r, out s))
        {
            return false;
        }
        return (Scalar.IsValid(r) & Scalar.IsValid(s)) != 0;
    }

    /// <summary>Reads an INTEGER from 0 to 2^256 - 1 from the front of <paramref name="source"/>.</summary>
    public static Limbs ReadInteger(ref ReadOnlySpan<byte> source)
    {
        ReadOnlySpan<byte> bytes = AsnDecoder.ReadIntegerBytes(source, AsnEncodingRules.DER, out int consumed);
        source = source[consumed..];
        if ((bytes[0] & 0x80) != 0) throw new AsnContentException("The INTEGER is negative.");
        if (bytes[0] == 0) bytes = bytes[1..];
        if (bytes.Length > 32) throw new AsnContentException("The INTEGER is longer than 32 bytes.");
        Span<byte> padded = stackalloc byte[32];
        padded.Clear();
        bytes.CopyTo(padded[(32 - bytes.Length)..]);
        return Limbs.FromBytes(padded);
    }

    private static bool TryReadDer(ReadOnlySpan<byte> signature, out Limbs r, out Limbs s)
    {
        r = s = default;
        if (signature.Length > MaxDerSize) return false;
        try
        {
            AsnDecoder.ReadSequence(signature, AsnEncodingRules.DER, out int offset, out int length, out int consumed);
            if (consumed != signature.Length) return false;
            ReadOnlySpan<byte> content = signature.Slice(offset, length);
            r = ReadInteger(ref content);
            s = ReadInteger(ref content);
            return content.IsEmpty;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }

    private static int WriteInteger(in Limbs value, Span<byte> destination, int at)
    {
        Span<byte> bytes = stackalloc byte[33];
        bytes[0] = 0;
        value.WriteBytes(bytes[1..]);
        int skip = 0;
        while (skip < 32 && bytes[skip] == 0 && bytes[skip + 1] < 0x80) skip++;
        destination[at] = 0x02;
        destination[at + 1] = (byte)(33 - skip);
        bytes[skip..].CopyTo(destination[(at + 2)..]);
        return at + 2 + 33 - skip;
    }
}
