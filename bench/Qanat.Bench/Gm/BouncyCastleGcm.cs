using System.Buffers.Binary;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Qanat.Bench.Gm;

/// <summary>BouncyCastle's SM4-GCM with its key set once. It refuses a nonce twice in a row, so it counts.</summary>
internal sealed class BouncyCastleGcm
{
    private readonly GcmBlockCipher _seal = new(new SM4Engine()), _open = new(new SM4Engine());
    private readonly byte[] _nonce = new byte[12];

    public BouncyCastleGcm(byte[] key)
    {
        _seal.Init(true, new AeadParameters(new KeyParameter(key), 128, new byte[12]));
        _open.Init(false, new AeadParameters(new KeyParameter(key), 128, new byte[12]));
    }

    public void Seal(byte[] associated, byte[] source, byte[] destination)
    {
        BinaryPrimitives.WriteInt64BigEndian(_nonce.AsSpan(4), BinaryPrimitives.ReadInt64BigEndian(_nonce.AsSpan(4)) + 1);
        _seal.Init(true, new ParametersWithIV(null, _nonce));
        _seal.ProcessAadBytes(associated);
        int written = _seal.ProcessBytes(source, destination);
        _seal.DoFinal(destination.AsSpan(written));
    }

    public void Open(byte[] nonce, byte[] associated, byte[] source, byte[] destination)
    {
        _open.Init(false, new ParametersWithIV(null, nonce));
        _open.ProcessAadBytes(associated);
        int written = _open.ProcessBytes(source, destination);
        _open.DoFinal(destination.AsSpan(written));
    }
}
