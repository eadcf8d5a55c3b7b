using System.Security.Cryptography;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Engine.Tls13;

/// <summary>
/// What the two ends of TLS 1.3 with SM suites have in common (RFC 8446, RFC 8998): the key schedule, authentication, KeyUpdate, exporter. The policy is the strict one of RFC 8998:
/// SM2 for key exchange and for authentication, or no connection. There is no early data and no authentication after the handshake.
/// </summary>
internal abstract partial class Tls13Engine : TlsEngine
{
    private protected const int HashLength = HandshakeTranscript.HashLength;

    private readonly SmSslAuthenticationOptions _options;

    private protected Tls13Engine(bool isServer, SmSslAuthenticationOptions options, TlsEngineSettings settings)
        : base(isServer, settings, keepsRawTranscript: false)
    {
        _options = options;
        Suites = [.. (options.CipherSuites ?? [SmCipherSuite.TlsSm4GcmSm3, SmCipherSuite.TlsSm4CcmSm3]).Where(suite => suite.Protocol() == SmProtocol.Tls13)];
        // The smaller and older group first: peers that know only that one need no second hello.
        Groups = [.. options.Groups ?? [NamedGroup.CurveSm2, NamedGroup.CurveSm2MlKem768]];
    }

    /// <inheritdoc/>
    public override SmProtocol Protocol => SmProtocol.Tls13;

    /// <summary>Suites of this end in order of preference.</summary>
    private protected SmCipherSuite[] Suites { get; }

    /// <summary>Groups of this end in order of preference.</summary>
    private protected NamedGroup[] Groups { get; set; }

    /// <summary>random of the ClientHello.</summary>
    private protected byte[] ClientRandom { get; set; } = [];

    /// <summary>The key schedule, from the ServerHello on.</summary>
    private protected Tls13KeySchedule Keys => _keys ?? throw new InvalidOperationException("There are no keys before the ServerHello.");

    private Tls13KeySchedule? _keys;

    /// <summary>The time.</summary>
    private protected DateTimeOffset Now => _options.TimeProvider.GetUtcNow();

    /// <inheritdoc/>
    public override void ExportKeyingMaterial(ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, bool hasContext, Span<byte> destination)
    {
        if (!IsHandshakeComplete)
        {
            throw new InvalidOperationException("Keying material can be exported when the handshake is complete.");
        }
        Tls13KeyDerivation.Export(Keys.ExporterMasterSecret, label, context, destination);
    }

    /// <summary>RFC 8446 section 5.1: the version of a record means nothing.</summary>
    protected override bool AcceptsRecordVersion(ushort version) => version >> 8 == 3;

    /// <summary>RFC 8446 section 6: in TLS 1.3 the kind of an alert says how severe it is.</summary>
    protected override bool IsFatal(TlsAlert alert) => alert.Description is not (AlertDescription.CloseNotify or AlertDescription.UserCanceled);

    /// <summary>no_renegotiation is not an alert of TLS 1.3.</summary>
    protected override AlertDescription? AlertFor(SmTlsError error) => error == SmTlsError.RenegotiationRefused ? AlertDescription.UnexpectedMessage : base.AlertFor(error);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _keys?.Dispose();
    }

    /// <summary>The random of this end's hello.</summary>
    private protected byte[] NewRandom()
    {
        byte[] random = RandomNumberGenerator.GetBytes(ClientHello.RandomLength);
        Settings.HelloRandom?.Invoke(random);
        return random;
    }

    /// <summary>Starts the key schedule, after the ServerHello is in the transcript. Takes the shared secret, which the caller zeroes.</summary>
    private protected void StartKeys(ReadOnlySpan<byte> psk, ReadOnlySpan<byte> sharedSecret)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Transcript.GetHash(hash);
        _keys = new Tls13KeySchedule(psk);
        _keys.DeriveHandshakeSecrets(sharedSecret, hash);
        LogKey(KeyLogLine.ClientHandshake, ClientRandom, _keys.ClientHandshakeTrafficSecret);
        LogKey(KeyLogLine.ServerHandshake, ClientRandom, _keys.ServerHandshakeTrafficSecret);
    }

    /// <summary>Enters the application secrets, after the server's Finished is in the transcript.</summary>
    private protected void EnterApplicationKeys()
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Transcript.GetHash(hash);
        Keys.DeriveApplicationSecrets(hash);
        LogKey(KeyLogLine.ClientTraffic, ClientRandom, Keys.ClientApplicationTrafficSecret);
        LogKey(KeyLogLine.ServerTraffic, ClientRandom, Keys.ServerApplicationTrafficSecret);
        LogKey(KeyLogLine.Exporter, ClientRandom, Keys.ExporterMasterSecret);
    }

    /// <summary>Derives the resumption secret, after the client's Finished is in the transcript.</summary>
    private protected void EnterResumptionSecret()
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Transcript.GetHash(hash);
        Keys.DeriveResumptionSecret(hash);
    }

    private protected Tls13RecordProtection ProtectionOf(ReadOnlySpan<byte> trafficSecret) => new(CipherSuite, trafficSecret);

    /// <summary>Writes Finished of this end.</summary>
    private protected void WriteFinished()
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Span<byte> verifyData = stackalloc byte[Tls13Messages.VerifyDataLength];
        Transcript.GetHash(hash);
        Tls13KeyDerivation.ComputeFinished(IsServer ? Keys.ServerHandshakeTrafficSecret : Keys.ClientHandshakeTrafficSecret, hash, verifyData);
        int start = BeginMessage();
        using (Flight.Handshake(HandshakeType.Finished))
        {
            Flight.WriteBytes(verifyData);
        }
        EndMessage(start);
    }

    /// <summary>Checks the peer's Finished, and puts it in the transcript.</summary>
    private protected SmTlsError TakeFinished(HandshakeMessage message)
    {
        if (Tls13Messages.ReadFinished(message.Body, out ReadOnlySpan<byte> verifyData) is var error and not SmTlsError.None)
        {
            return Refuse(error, $"a Finished of {message.Body.Length} bytes");
        }
        Span<byte> hash = stackalloc byte[HashLength];
        Transcript.GetHash(hash);
        if (!Tls13KeyDerivation.VerifyFinished(IsServer ? Keys.ClientHandshakeTrafficSecret : Keys.ServerHandshakeTrafficSecret, hash, verifyData))
        {
            return Refuse(SmTlsError.BadFinished, "the Finished does not verify: the two ends did not see the same handshake");
        }
        Transcript.Append(message.Bytes);
        return SmTlsError.None;
    }

    private protected SmTlsError RefuseUnexpected(HandshakeMessage message, string state) =>
        Refuse(SmTlsError.UnexpectedMessage, $"a {message.Type} message while {state}");
}
