using System.Security.Cryptography;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Replay;

/// <summary>What the replay of both protocols has in common: records, alerts, ends, certificates and signatures.</summary>
internal abstract class ReplayConnection(RecordedConnection recording, ReplayPki pki, DateTimeOffset time) : IDisposable
{
    private readonly List<string> _problems = [];

    public ReplayDialect Dialect { get; } = new();

    public abstract SmProtocol Protocol { get; }

    public SmCipherSuite Suite { get; protected set; }

    public bool SignaturesOk { get; private set; } = true;

    public bool ClientAuthenticated { get; protected set; }

    /// <summary>The first thing found wrong that did not end the replay.</summary>
    public (ReplayCause Cause, SmTlsError Error) Problem { get; private set; }

    public string Problems => string.Join("; ", _problems);

    public (TlsAlert Alert, bool IsServer)? FatalAlert { get; private set; }

    public ReplayDirection Client { get; } = new(isServer: false);

    public ReplayDirection Server { get; } = new(isServer: true);

    public int TicketLength { get; protected set; }

    /// <summary>True when the server asked for a client certificate.</summary>
    public bool HasCertificateRequest { get; protected set; }

    /// <summary>True when the server ended without having sent a byte.</summary>
    public bool IsServerSilent { get; private set; }

    protected RecordedConnection Recording => recording;

    protected ReplayPki Pki => pki;

    protected HandshakeTranscript Transcript { get; } = new(keepsRaw: true);

    protected IReadOnlyDictionary<string, byte[]> KeyLog { get; set; } = new Dictionary<string, byte[]>();

    protected byte[] ClientRandom { get; set; } = [];

    protected SmCertificate? ServerSignCertificate { get; private set; }

    protected SmCertificate? ServerEncryptCertificate { get; private set; }

    protected SmCertificate? ClientSignCertificate { get; private set; }

    protected SmCertificate? ClientEncryptCertificate { get; private set; }

    public void End(bool isServer)
    {
        (isServer ? Server : Client).HasEnded = true;
        IsServerSilent |= isServer && !Server.HasSent;
    }

    /// <summary>Takes one record; <paramref name="fragment"/> is overwritten.</summary>
    public void Process(bool isServer, RecordHeader header, Span<byte> fragment)
    {
        ReplayDirection sender = isServer ? Server : Client;
        sender.HasSent = true;
        RecordType type = header.Type;
        Span<byte> content = fragment;
        if (type == RecordType.ChangeCipherSpec)
        {
            Require(fragment is [1], SmTlsError.DecodeError, $"a ChangeCipherSpec of the {sender.Name} is not one byte of value 1");
            OnChangeCipherSpec(sender);
            return;
        }
        if (sender.IsProtected && !IsPlainAlert(sender, header))
        {
            RecordProtection protection = sender.Protection
                ?? throw new ReplayException(ReplayCause.KeysMissing, SmTlsError.None, "keylog.txt has no line for this connection, and no private key of the PKI or secrets.json helps");
            if (protection.Open(header, fragment, out type, out content) is var error and not SmTlsError.None)
            {
                throw new ReplayException(error == SmTlsError.BadRecordMac ? ReplayCause.KeysWrong : ReplayCause.Malformed, error,
                    $"record {protection.SequenceNumber} of the {sender.Name} under these keys does not open ({error.ToCode()})");
            }
        }
        switch (type)
        {
            case RecordType.Handshake:
                OnHandshake(sender, content);
                break;
            case RecordType.Alert:
                OnAlert(sender, content);
                break;
            default:
                Require(sender.IsProtected, SmTlsError.UnexpectedMessage, $"application data of the {sender.Name} in the clear");
                sender.Receive(content);
                break;
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        Transcript.Dispose();
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes one message, after which <see cref="Transcript"/> must contain it.</summary>
    protected abstract void OnMessage(ReplayDirection sender, HandshakeMessage message);

    protected abstract void OnChangeCipherSpec(ReplayDirection sender);

    /// <summary>TLS 1.3: a peer that has no keys yet tells so in the clear.</summary>
    protected virtual bool IsPlainAlert(ReplayDirection sender, RecordHeader header) => false;

    protected abstract void Dispose(bool disposing);

    /// <summary>Notes something wrong and goes on; the first one is the cause.</summary>
    protected void Note(ReplayCause cause, SmTlsError error, string message)
    {
        if (_problems.Count == 0)
        {
            Problem = (cause, error);
        }
        _problems.Add(message);
    }

    protected static void Require(bool holds, SmTlsError error, string message)
    {
        if (!holds)
        {
            throw new ReplayException(ReplayCause.Malformed, error, message);
        }
    }

    protected static void Require(SmTlsError error, HandshakeMessage message)
    {
        if (error != SmTlsError.None)
        {
            throw new ReplayException(ReplayCause.Malformed, error, $"{message.Type} does not decode ({error.ToCode()})");
        }
    }

    protected void CheckChain(bool isServer, byte[][] certificates, SmChainForm form)
    {
        SmChainRequest request = isServer ? SmChainRequest.ServerOfAnyName(form) : SmChainRequest.Client(form);
        SmChainResult chain = pki.Validator.Validate([.. certificates.Select(c => (ReadOnlyMemory<byte>)c)], request, time);
        if (!chain.IsValid)
        {
            SignaturesOk = false;
            Note(ReplayCause.CertificateRefused, SmTlsError.BadCertificate, $"the {(isServer ? "server" : "client")}'s certificates: {chain}");
        }
        if (isServer)
        {
            (ServerSignCertificate, ServerEncryptCertificate) = (chain.SignCertificate, chain.EncryptCertificate);
        }
        else
        {
            (ClientSignCertificate, ClientEncryptCertificate) = (chain.SignCertificate, chain.EncryptCertificate);
        }
    }

    protected static bool Verify(SmCertificate? signer, ReadOnlySpan<byte> data, ReadOnlySpan<byte> id, ReadOnlySpan<byte> signature) =>
        signer is not null && signer.PublicKey.VerifyData(data, id, signature, DSASignatureFormat.Rfc3279DerSequence);

    protected void NoteSignature(bool isRight, string what)
    {
        if (!isRight)
        {
            SignaturesOk = false;
            Note(ReplayCause.SignatureInvalid, SmTlsError.BadSignature, $"the signature of {what} does not verify");
        }
    }

    protected void NoteFinished(ReplayDirection sender, bool isRight)
    {
        Require(!sender.HasFinished, SmTlsError.UnexpectedMessage, $"a second Finished of the {sender.Name}");
        sender.HasFinished = isRight;
        if (!isRight)
        {
            Note(ReplayCause.FinishedInvalid, SmTlsError.BadFinished, $"the {sender.Name}'s Finished does not verify");
        }
    }

    private void OnHandshake(ReplayDirection sender, ReadOnlySpan<byte> content)
    {
        Require(sender.Messages.Append(content) == SmTlsError.None, SmTlsError.UnexpectedMessage, $"an empty handshake record of the {sender.Name}");
        while (true)
        {
            TlsReadStatus status = sender.Messages.TryRead(out HandshakeMessage message, out SmTlsError error);
            if (status == TlsReadStatus.NeedMoreData)
            {
                return;
            }
            Require(status == TlsReadStatus.Complete, error, $"a handshake message of the {sender.Name} is longer than any real one");
            RecordProtection? before = sender.Protection;
            OnMessage(sender, message);
            Require(before == sender.Protection || sender.Messages.IsEmpty, SmTlsError.UnexpectedMessage, $"a message of the {sender.Name} spans a change of keys");
        }
    }

    private void OnAlert(ReplayDirection sender, ReadOnlySpan<byte> content)
    {
        SmTlsError error = TlsAlert.Read(content, out TlsAlert alert);
        Require(error == SmTlsError.None, error, $"an alert of the {sender.Name} does not decode");
        sender.IsClosed |= alert.Description == AlertDescription.CloseNotify;
        if (alert.IsFatal)
        {
            FatalAlert ??= (alert, sender.IsServer);
        }
    }
}
