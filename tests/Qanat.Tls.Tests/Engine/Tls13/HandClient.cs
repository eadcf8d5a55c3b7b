using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>A client written by hand in the test: it offers early data, which ours never does.</summary>
internal sealed class HandClient : IDisposable
{
    private readonly HandshakeTranscript _transcript = new();
    private readonly Tls13KeyShare _share = new(NamedGroup.CurveSm2);
    private readonly Tls13KeySchedule _keys = new();
    private Tls13RecordProtection? _open;

    /// <summary>The first or second hello in a record.</summary>
    public byte[] Hello(bool offersEarlyData, NamedGroup shareOf)
    {
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ClientHello))
        {
            ClientHello.WriteFields(writer, ProtocolVersions.Tls12, new byte[32], default, [(ushort)SmCipherSuite.TlsSm4GcmSm3]);
            using (writer.Vector16())
            {
                TlsExtensions.WriteSupportedGroups(writer, NamedGroup.CurveSm2, NamedGroup.Secp256R1);
                TlsExtensions.WriteSignatureAlgorithms(writer, ExtensionType.SignatureAlgorithms, SignatureScheme.Sm2SigSm3);
                TlsExtensions.WriteSupportedVersions(writer, ProtocolVersions.Tls13);
                TlsExtensions.WritePskKeyExchangeModes(writer, TlsExtensions.PskDheKe);
                TlsExtensions.WriteKeyShare(writer, shareOf, shareOf == NamedGroup.CurveSm2 ? _share.Share : new byte[65]);
                if (offersEarlyData)
                {
                    TlsExtensions.WriteEmpty(writer, ExtensionType.EarlyData);
                }
                OfferedPsks.Write(writer, ("a ticket of another server"u8.ToArray(), 0u));
            }
        }
        _transcript.Append(writer.Written);
        return [22, 3, 1, (byte)(writer.Length >> 8), (byte)writer.Length, .. writer.Written];
    }

    /// <summary>A record of early data under keys that nobody here knows.</summary>
    public static byte[] EarlyData(int length) => [23, 3, 3, (byte)(length >> 8), (byte)length, .. new byte[length]];

    public void TakeRetry(byte[] record)
    {
        _transcript.ReplaceByMessageHash();
        _transcript.Append(record.AsSpan(RecordHeader.Size));
    }

    /// <summary>Takes the server's flight and gives the client's.</summary>
    public byte[] Finish(byte[] flight)
    {
        foreach (byte[] record in EnginePair.Records(flight))
        {
            if (_open is null)
            {
                Assert.Equal(SmTlsError.None, ServerHello.Read(record.AsSpan(9), out ServerHello hello));
                byte[] secret = new byte[Tls13KeyShare.MaxSecretLength];
                Assert.Equal(SmTlsError.None, _share.Complete(hello.KeyShare, secret, out int length));
                _transcript.Append(record.AsSpan(RecordHeader.Size));
                _keys.DeriveHandshakeSecrets(secret.AsSpan(0, length), Hash());
                _open = new Tls13RecordProtection(SmCipherSuite.TlsSm4GcmSm3, _keys.ServerHandshakeTrafficSecret);
                continue;
            }
            byte[] fragment = record[RecordHeader.Size..];
            Assert.Equal(SmTlsError.None, _open.Open(new RecordHeader(RecordType.ApplicationData, ProtocolVersions.Tls12, fragment.Length), fragment, out _, out Span<byte> message));
            _transcript.Append(message);
        }
        byte[] finished = [20, 0, 0, 32, .. new byte[32]];
        Tls13KeyDerivation.ComputeFinished(_keys.ClientHandshakeTrafficSecret, Hash(), finished.AsSpan(4));
        using Tls13RecordProtection seal = new(SmCipherSuite.TlsSm4GcmSm3, _keys.ClientHandshakeTrafficSecret);
        byte[] sealedFinished = new byte[seal.GetSealedLength(finished.Length)];
        seal.Seal(RecordType.Handshake, finished, sealedFinished);
        return sealedFinished;
    }

    public void Dispose()
    {
        _transcript.Dispose();
        _share.Dispose();
        _keys.Dispose();
        _open?.Dispose();
    }

    private byte[] Hash()
    {
        byte[] hash = new byte[HandshakeTranscript.HashLength];
        _transcript.GetHash(hash);
        return hash;
    }
}
