using Qanat.Tls;

namespace Qanat.Interop;

/// <summary>Our end of a cell: the options and what they are checked against. Lives as long as the cell, so that it learns and resumes.</summary>
internal sealed class OurEnd
{
    private readonly Cell _cell;
    private readonly SmSslServerAuthenticationOptions _server;
    private readonly SmSslClientAuthenticationOptions _client;

    /// <summary>Sets what the cell is about, and leaves the rest at its defaults.</summary>
    public OurEnd(Cell cell, InteropPki pki)
    {
        _cell = cell;
        _server = new SmSslServerAuthenticationOptions { Credential = pki.Server, Trust = pki.TrustWithAuthority, CipherSuites = [cell.Suite], EnabledProtocols = [cell.Protocol] };
        _client = new SmSslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            PeerName = cell.Name,
            Protocol = cell.Protocol,
            Trust = pki.Trust,
            CipherSuites = [cell.Suite],
            ClientCredential = cell.ClientShowsCertificates ? pki.Client : null,
            // A store for each cell, so that each shows what it takes to learn the peer.
            PeerDialects = new SmPeerDialects(),
        };
        if (cell.ClientShowsCertificates)
        {
            _server.ClientCertificateMode = cell.IsMutual ? SmClientCertificateMode.Require : SmClientCertificateMode.Request;
        }
        if (cell.Kind == CellKind.Resumed)
        {
            _client.TlcpSessions = _server.TlcpSessions = new SmTlcpSessionCache();
            _client.Tickets = new SmTicketStore();
            _server.TicketKeys = new SmTicketKeys();
        }
        if (cell.Kind == CellKind.Hybrid)
        {
            _client.Groups = _server.Groups = [NamedGroup.CurveSm2MlKem768];
        }
        if (cell.Kind == CellKind.Retried)
        {
            _client.Groups = [NamedGroup.CurveSm2MlKem768, NamedGroup.CurveSm2];
            _server.Groups = [NamedGroup.CurveSm2];
        }
    }

    /// <summary>Whether the next TLS 1.3 handshake does without what some servers do not take.</summary>
    public bool IsTls13Plain => !_cell.IsOursServer && _client.PeerDialects!.IsTls13Plain(_cell.Name);

    /// <summary>Does the handshake on a transport.</summary>
    public async Task<SmSslStream> HandshakeAsync(Stream transport, CancellationToken cancellationToken)
    {
        SmSslStream stream = new(transport);
        try
        {
            await (_cell.IsOursServer ? stream.AuthenticateAsServerAsync(_server, cancellationToken) : stream.AuthenticateAsClientAsync(_client, cancellationToken));
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Compares what was agreed on with the cell.</summary>
    /// <exception cref="CellException">They differ.</exception>
    public void Check(SmSslStream stream)
    {
        Require(stream.NegotiatedProtocol == _cell.Protocol, $"the protocol is {stream.NegotiatedProtocol}");
        Require(stream.NegotiatedCipherSuite == _cell.Suite, $"the suite is {stream.NegotiatedCipherSuite.Name()}");
        Require(stream.IsResumed == (_cell.Kind == CellKind.Resumed), stream.IsResumed ? "the session was resumed" : "the session was not resumed");
        Require(!_cell.IsOursServer || !_cell.IsMutual || stream.RemoteCertificate is not null, "the client showed no certificate");
        NamedGroup group = _cell.Kind == CellKind.Hybrid ? NamedGroup.CurveSm2MlKem768 : _cell.Protocol == SmProtocol.Tls13 || _cell.Suite.IsEcdhe() ? NamedGroup.CurveSm2 : NamedGroup.None;
        Require(stream.NegotiatedGroup == group, $"the group is {stream.NegotiatedGroup}");
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new CellException(otherwise);
        }
    }
}
