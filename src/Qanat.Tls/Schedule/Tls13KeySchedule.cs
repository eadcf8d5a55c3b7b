using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Tls.Schedule;

/// <summary>
/// The key schedule of one TLS 1.3 connection (RFC 8446 section 7.1): call <see cref="DeriveHandshakeSecrets"/> after ServerHello, <see cref="DeriveApplicationSecrets"/> after the server's
/// Finished, <see cref="DeriveResumptionSecret"/> after the client's. Secrets are zeroed as soon as the schedule has passed them, and all on dispose. Not thread-safe.
/// </summary>
public sealed class Tls13KeySchedule : IDisposable
{
    private const int Length = Tls13KeyDerivation.SecretLength;

    // early, handshake or master secret, whichever stage this is.
    private readonly byte[] _secret = GC.AllocateArray<byte>(Length, pinned: true);
    private readonly byte[] _clientHandshake = GC.AllocateArray<byte>(Length, pinned: true);
    private readonly byte[] _serverHandshake = GC.AllocateArray<byte>(Length, pinned: true);
    private readonly byte[] _clientApplication = GC.AllocateArray<byte>(Length, pinned: true);
    private readonly byte[] _serverApplication = GC.AllocateArray<byte>(Length, pinned: true);
    private readonly byte[] _exporter = GC.AllocateArray<byte>(Length, pinned: true);
    private readonly byte[] _resumption = GC.AllocateArray<byte>(Length, pinned: true);
    private Stage _stage = Stage.Early;

    /// <summary>Starts at the early secret.</summary>
    /// <param name="psk">The pre-shared key of a resumption; empty for a full handshake.</param>
    public Tls13KeySchedule(ReadOnlySpan<byte> psk = default)
    {
        Span<byte> zeros = stackalloc byte[Length];
        zeros.Clear();
        HkdfSm3.Extract(psk.IsEmpty ? zeros : psk, default, _secret);
    }

    private enum Stage
    {
        Early,
        Handshake,
        Master,
        Resumption,
        Disposed,
    }

    /// <summary>client_handshake_traffic_secret.</summary>
    public ReadOnlySpan<byte> ClientHandshakeTrafficSecret => At(Stage.Handshake, _clientHandshake);

    /// <summary>server_handshake_traffic_secret.</summary>
    public ReadOnlySpan<byte> ServerHandshakeTrafficSecret => At(Stage.Handshake, _serverHandshake);

    /// <summary>client_application_traffic_secret of the current generation.</summary>
    public ReadOnlySpan<byte> ClientApplicationTrafficSecret => At(Stage.Master, _clientApplication);

    /// <summary>server_application_traffic_secret of the current generation.</summary>
    public ReadOnlySpan<byte> ServerApplicationTrafficSecret => At(Stage.Master, _serverApplication);

    /// <summary>exporter_master_secret.</summary>
    public ReadOnlySpan<byte> ExporterMasterSecret => At(Stage.Master, _exporter);

    /// <summary>resumption_master_secret.</summary>
    public ReadOnlySpan<byte> ResumptionMasterSecret => At(Stage.Resumption, _resumption);

    /// <summary>Enters the handshake secrets.</summary>
    /// <param name="sharedSecret">Of the key exchange; for a hybrid group both parts, concatenated in the group's order. Empty for psk_ke.</param>
    /// <param name="transcriptHash">Hash of ClientHello to ServerHello.</param>
    /// <exception cref="InvalidOperationException">The schedule is past this stage.</exception>
    public void DeriveHandshakeSecrets(ReadOnlySpan<byte> sharedSecret, ReadOnlySpan<byte> transcriptHash)
    {
        Enter(Stage.Early, Stage.Handshake);
        Advance(sharedSecret);
        HmacSm3Pads pads = HmacSm3Pads.Create(_secret);
        Tls13KeyDerivation.ExpandLabelPrepared(pads, "c hs traffic"u8, transcriptHash, _clientHandshake);
        Tls13KeyDerivation.ExpandLabelPrepared(pads, "s hs traffic"u8, transcriptHash, _serverHandshake);
        pads.Clear();
    }

    /// <summary>Enters the master secret: application traffic and exporter secrets. The handshake traffic secrets stay until <see cref="DeriveResumptionSecret"/>, for the client's Finished.</summary>
    /// <param name="transcriptHash">Hash of ClientHello to the server's Finished.</param>
    /// <exception cref="InvalidOperationException">Not the stage after <see cref="DeriveHandshakeSecrets"/>.</exception>
    public void DeriveApplicationSecrets(ReadOnlySpan<byte> transcriptHash)
    {
        Enter(Stage.Handshake, Stage.Master);
        Advance(default);
        HmacSm3Pads pads = HmacSm3Pads.Create(_secret);
        Tls13KeyDerivation.ExpandLabelPrepared(pads, "c ap traffic"u8, transcriptHash, _clientApplication);
        Tls13KeyDerivation.ExpandLabelPrepared(pads, "s ap traffic"u8, transcriptHash, _serverApplication);
        Tls13KeyDerivation.ExpandLabelPrepared(pads, "exp master"u8, transcriptHash, _exporter);
        pads.Clear();
    }

    /// <summary>Derives the resumption master secret, and zeroes the master secret and the handshake traffic secrets.</summary>
    /// <param name="transcriptHash">Hash of ClientHello to the client's Finished.</param>
    /// <exception cref="InvalidOperationException">Not the stage after <see cref="DeriveApplicationSecrets"/>.</exception>
    public void DeriveResumptionSecret(ReadOnlySpan<byte> transcriptHash)
    {
        Enter(Stage.Master, Stage.Resumption);
        Tls13KeyDerivation.DeriveSecret(_secret, "res master"u8, transcriptHash, _resumption);
        CryptographicOperations.ZeroMemory(_secret);
        CryptographicOperations.ZeroMemory(_clientHandshake);
        CryptographicOperations.ZeroMemory(_serverHandshake);
    }

    /// <summary>Goes to the next generation of one direction's application traffic secret (KeyUpdate).</summary>
    public void UpdateApplicationSecret(bool isServer)
    {
        byte[] secret = isServer ? _serverApplication : _clientApplication;
        At(Stage.Master, secret);
        Tls13KeyDerivation.UpdateTrafficSecret(secret);
    }

    /// <summary>Zeroes every secret.</summary>
    public void Dispose()
    {
        _stage = Stage.Disposed;
        foreach (byte[] secret in (ReadOnlySpan<byte[]>)[_secret, _clientHandshake, _serverHandshake, _clientApplication, _serverApplication, _exporter, _resumption])
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    // next = HKDF-Extract(salt: Derive-Secret(secret, "derived", ""), input), where no input stands for zeros.
    private void Advance(ReadOnlySpan<byte> input)
    {
        Span<byte> salt = stackalloc byte[Length];
        Span<byte> zeros = stackalloc byte[Length];
        zeros.Clear();
        Tls13KeyDerivation.DeriveSecret(_secret, "derived"u8, Tls13KeyDerivation.EmptyHash, salt);
        HkdfSm3.Extract(input.IsEmpty ? zeros : input, salt, _secret);
        CryptographicOperations.ZeroMemory(salt);
    }

    private void Enter(Stage from, Stage to)
    {
        if (_stage != from)
        {
            throw new InvalidOperationException($"The key schedule is at {_stage}; this step follows {from}.");
        }
        _stage = to;
    }

    private byte[] At(Stage earliest, byte[] secret) => _stage != Stage.Disposed && _stage >= earliest
        ? secret
        : throw new InvalidOperationException($"The key schedule is at {_stage}; this secret comes with {earliest}.");
}
