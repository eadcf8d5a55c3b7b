using Qanat.Tls.Messages;

namespace Qanat.Tls;

/// <summary>
/// What clients have learned about the dialects of TLCP and TLS 1.3 servers, by the server's name. A first connection speaks the standard. When the server gives up where a dialect may be the
/// reason, the next connection tries another form, and a form that worked is kept until it fails several times in a row. Bounded: the server not asked for longest is forgotten.
/// Thread-safe.
/// </summary>
/// <remarks>
/// Someone on the path who cuts connections can make a client try other forms. All forms authenticate the same; a hello without extensions lacks server_name and application protocols.
/// </remarks>
public sealed class SmPeerDialects
{
    /// <summary>Failures in a row after which a form that once worked is doubted.</summary>
    private const int Patience = 3;

    // Known servers first: Tongsuo and gotlcp leave the length out, GmSSL signs the raw transcript.
    private static readonly SmTlcpDialect[] s_ecdhe =
    [
        new(),
        new() { ClientKeyExchange = ClientKeyExchangeDialect.WithoutLength },
        new() { CertificateVerify = TlcpCertificateVerifyDialect.RawTranscript },
        new() { ClientKeyExchange = ClientKeyExchangeDialect.WithoutLength, CertificateVerify = TlcpCertificateVerifyDialect.RawTranscript },
    ];

    private static readonly SmTlcpDialect[] s_ecc =
    [
        new(),
        new() { CertificateVerify = TlcpCertificateVerifyDialect.RawTranscript, ClientCertificates = TlcpClientCertificatesDialect.One },
        new() { ClientCertificates = TlcpClientCertificatesDialect.One },
        new() { CertificateVerify = TlcpCertificateVerifyDialect.RawTranscript },
    ];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Peer>> _peers = new(StringComparer.OrdinalIgnoreCase);
    private readonly LinkedList<Peer> _byUse = new();

    /// <summary>Makes an empty store.</summary>
    /// <param name="capacity">Most servers remembered; each takes about 200 bytes.</param>
    public SmPeerDialects(int capacity = 4096)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Capacity = capacity;
    }

    /// <summary>The store that clients use when they are given none.</summary>
    public static SmPeerDialects Shared { get; } = new();

    /// <summary>Most servers remembered.</summary>
    public int Capacity { get; }

    /// <summary>How many servers something other than the standard was tried with, or learned about.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _peers.Count;
            }
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _peers.Clear();
            _byUse.Clear();
        }
    }

    /// <summary>The dialect of the next connection to a server.</summary>
    /// <param name="peer">The server's name, <c>host:port</c> as a rule.</param>
    /// <param name="isEcdhe">Whether the suite is an ECDHE one: it is learned apart.</param>
    public SmTlcpDialect Get(string peer, bool isEcdhe)
    {
        ArgumentNullException.ThrowIfNull(peer);
        lock (_lock)
        {
            if (!_peers.TryGetValue(peer, out LinkedListNode<Peer>? node))
            {
                return SmTlcpDialect.Standard;
            }
            Touch(node);
            Peer known = node.Value;
            return Forms(isEcdhe)[(isEcdhe ? known.Ecdhe : known.Ecc).Index] with { IsHelloMinimal = known.Hello.Index == 1 };
        }
    }

    /// <summary>True when a TLS 1.3 server did not take the standard handshake, and the next one should be plain: no compatibility mode, no tickets, one group unless groups are listed.</summary>
    /// <param name="peer">The server's name, <c>host:port</c> as a rule.</param>
    public bool IsTls13Plain(string peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        lock (_lock)
        {
            return _peers.TryGetValue(peer, out LinkedListNode<Peer>? node) && node.Value.Tls13.Index == 1;
        }
    }

    /// <summary>A TLS 1.3 server gave up.</summary>
    internal void Tls13Failed(string peer) => Change(peer, isNew: true, known => known.Tls13.Fail(2));

    /// <summary>A TLS 1.3 server took the whole handshake.</summary>
    internal void Tls13Worked(string peer) => Change(peer, isNew: false, known => known.Tls13.Work());

    /// <summary>A server gave up right after a hello, before it said anything; or this end refused what came of a minimal one.</summary>
    internal void HelloFailed(string peer) => Change(peer, isNew: true, known => known.Hello.Fail(2));

    /// <summary>A hello of this form led to a handshake that was completed.</summary>
    internal void HelloWorked(string peer) => Change(peer, isNew: false, known => known.Hello.Work());

    /// <summary>A server gave up after the client's key exchange.</summary>
    internal void ExchangeFailed(string peer, bool isEcdhe) => Change(peer, isNew: true, known => (isEcdhe ? known.Ecdhe : known.Ecc).Fail(Forms(isEcdhe).Length));

    /// <summary>A handshake was completed.</summary>
    internal void ExchangeWorked(string peer, bool isEcdhe) => Change(peer, isNew: false, known => (isEcdhe ? known.Ecdhe : known.Ecc).Work());

    private static SmTlcpDialect[] Forms(bool isEcdhe) => isEcdhe ? s_ecdhe : s_ecc;

    // A server with which the standard works at once is never added.
    private void Change(string peer, bool isNew, Action<Peer> change)
    {
        lock (_lock)
        {
            if (_peers.TryGetValue(peer, out LinkedListNode<Peer>? node))
            {
                Touch(node);
            }
            else if (!isNew)
            {
                return;
            }
            else
            {
                _peers[peer] = node = _byUse.AddFirst(new Peer(peer));
                if (_peers.Count > Capacity)
                {
                    _peers.Remove(_byUse.Last!.Value.Name);
                    _byUse.RemoveLast();
                }
            }
            change(node.Value);
        }
    }

    private void Touch(LinkedListNode<Peer> node)
    {
        _byUse.Remove(node);
        _byUse.AddFirst(node);
    }

    private sealed class Peer(string name)
    {
        public string Name => name;

        public Choice Hello { get; } = new();

        public Choice Ecdhe { get; } = new();

        public Choice Ecc { get; } = new();

        public Choice Tls13 { get; } = new();
    }

    /// <summary>Which of several forms is spoken. Races between connections to one server cost a try, no more.</summary>
    private sealed class Choice
    {
        private int _failures;
        private bool _hasWorked;

        public int Index { get; private set; }

        public void Fail(int forms)
        {
            _failures++;
            if (!_hasWorked || _failures >= Patience)
            {
                (Index, _failures, _hasWorked) = ((Index + 1) % forms, 0, false);
            }
        }

        public void Work() => (_failures, _hasWorked) = (0, true);
    }
}
