using System.Buffers.Binary;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Records;

/// <summary>Makes and takes apart CBC records with BouncyCastle, right ones and any kind of wrong ones.</summary>
internal static class TlcpCbcPeer
{
    public static byte[] MacKey { get; } = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    public static byte[] Key { get; } = [.. Enumerable.Range(101, 16).Select(i => (byte)i)];

    public static byte[] Iv { get; } = [.. Enumerable.Range(201, 16).Select(i => (byte)i)];

    public static byte[] Mac(ulong sequenceNumber, RecordType type, ReadOnlySpan<byte> plaintext)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteUInt64BigEndian(header, sequenceNumber);
        header[8] = (byte)type;
        header[9] = 0x01;
        header[10] = 0x01;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(11), (ushort)plaintext.Length);
        HMac mac = new(new SM3Digest());
        mac.Init(new KeyParameter(MacKey));
        mac.BlockUpdate(header);
        mac.BlockUpdate(plaintext);
        byte[] result = new byte[32];
        mac.DoFinal(result, 0);
        return result;
    }

    /// <summary>A record's fragment: IV and the encryption of <paramref name="content"/> as it is.</summary>
    public static byte[] Encrypt(ReadOnlySpan<byte> content) => [.. Iv, .. Cbc(true, Iv, content)];

    /// <summary>What a fragment holds: plaintext, MAC and padding.</summary>
    public static byte[] Decrypt(ReadOnlySpan<byte> fragment) => Cbc(false, fragment[..16].ToArray(), fragment[16..]);

    /// <summary>Plaintext, MAC and padding of a length of its own.</summary>
    public static byte[] Content(ulong sequenceNumber, RecordType type, ReadOnlySpan<byte> plaintext, int padding) =>
        [.. plaintext, .. Mac(sequenceNumber, type, plaintext), .. Enumerable.Repeat((byte)padding, padding + 1)];

    private static byte[] Cbc(bool encrypt, byte[] iv, ReadOnlySpan<byte> data)
    {
        BufferedBlockCipher cipher = new(new CbcBlockCipher(new SM4Engine()));
        cipher.Init(encrypt, new ParametersWithIV(new KeyParameter(Key), iv));
        return cipher.DoFinal(data.ToArray());
    }
}
