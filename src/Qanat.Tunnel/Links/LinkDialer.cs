using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Tunnel.Identity;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Tunnel.Links;

/// <summary>Dials links and performs the initiator's side of the link handshake. Safe to use from any thread.</summary>
/// <param name="identity">This end's key. Not disposed.</param>
/// <param name="options">Bounds and deadlines.</param>
/// <param name="time">Clock.</param>
/// <param name="metrics">Instruments; null for own ones.</param>
/// <param name="logger">Log of the links made.</param>
public sealed class LinkDialer(
    NodeIdentity identity, LinkOptions? options = null, TimeProvider? time = null, LinkMetrics? metrics = null, ILogger<LinkDialer>? logger = null)
{
    private readonly LinkOptions _options = options ?? new LinkOptions();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly LinkMetrics _metrics = metrics ?? new LinkMetrics();
    private readonly ILogger _logger = logger ?? (ILogger)NullLogger.Instance;

    /// <summary>Connects, proves this end, checks the hub, and returns a link that is welcome and not started.</summary>
    /// <exception cref="TunnelException">
    /// <see cref="TunnelError.HubUnreachable"/>, <see cref="TunnelError.HandshakeTimeout"/>, <see cref="TunnelError.HubMidMismatch"/>,
    /// <see cref="TunnelError.UntrustedCertificate"/>, <see cref="TunnelError.ClockSkew"/>, <see cref="TunnelError.UnsupportedVersion"/>,
    /// <see cref="TunnelError.ProtocolError"/>, <see cref="TunnelError.SecurityFailure"/>; or a refusal, see <see cref="TunnelException.Refusal"/>.
    /// </exception>
    public async Task<DialedLink> DialAsync(LinkTarget target, LinkIntroduction introduction, CancellationToken cancellationToken)
    {
        if (target.Address.Scheme is not ("ws" or "wss" or "tcp") || target.Address.Port == 0 || target.Address.UserInfo.Length > 0)
        {
            throw new TunnelException(TunnelError.InvalidAddress, $"'{target.Address}' is not a hub address; write ws://host:port, wss://host:port or tcp://host:port.");
        }
        using Activity? activity = LinkMetrics.Activities.StartActivity("qanat.link.handshake", ActivityKind.Client);
        activity?.SetTag("server.address", target.Address.IdnHost).SetTag("server.port", target.Port).SetTag("qanat.link.scheme", target.Address.Scheme);
        try
        {
            Socket socket = await WithinAsync(
                _options.ConnectTimeout, TunnelError.HubUnreachable, $"Connecting to {target.Address} took over {_options.ConnectTimeout.TotalSeconds} s.",
                ct => LinkConnector.ConnectAsync(target, ct), cancellationToken).ConfigureAwait(false);
            DialedLink dialed;
            try
            {
                dialed = await WithinAsync(
                    _options.HandshakeTimeout, TunnelError.HandshakeTimeout, $"The handshake with {target.Address} took over {_options.HandshakeTimeout.TotalSeconds} s.",
                    ct => HandshakeAsync(target, introduction, socket, ct), cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
            activity?.SetTag("qanat.link.peer", dialed.Welcome.HubMid.ToString());
            _metrics.Dialed(TunnelError.None);
            return dialed;
        }
        catch (TunnelException e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Code);
            _metrics.Dialed(e.Error);
            throw;
        }
    }

    private async ValueTask<DialedLink> HandshakeAsync(LinkTarget target, LinkIntroduction introduction, Socket socket, CancellationToken cancellationToken)
    {
        bool isTcp = target.Address.Scheme == "tcp";
        LinkFraming framing = isTcp ? LinkFraming.LengthPrefixed : LinkFraming.WebSocketClient;
        LinkTransport transport = await LinkConnector.SecureAsync(target, socket, cancellationToken).ConfigureAwait(false);
        using HandshakeChannel channel = new(transport, framing);
        if (!isTcp)
        {
            await LinkConnector.UpgradeAsync(target, transport, channel, cancellationToken).ConfigureAwait(false);
        }

        byte[] hello = new LinkHello(
            LinkHandshake.Version, LinkHandshake.Version, (int)introduction.Role, identity.SubjectPublicKeyInfo.ToArray(),
            RandomNumberGenerator.GetBytes(LinkHandshake.NonceLength), Now()).Encode();
        await channel.WriteMessageAsync(hello, cancellationToken).ConfigureAwait(false);

        byte[] challengeBytes = await ReadAsync(channel, cancellationToken).ConfigureAwait(false);
        LinkChallenge challenge = CheckChallenge(target, hello, challengeBytes);
        Mid hubMid = Mid.FromSubjectPublicKeyInfo(challenge.SubjectPublicKeyInfo);

        byte[] proof = MakeProof(introduction, hello, challengeBytes, hubMid);
        await channel.WriteMessageAsync(proof, cancellationToken).ConfigureAwait(false);

        byte[] answer = await ReadAsync(channel, cancellationToken).ConfigureAwait(false);
        if (!LinkWelcomeMessage.TryDecode(answer, out LinkWelcomeMessage welcome))
        {
            throw new TunnelException(TunnelError.ProtocolError, "The hub's WELCOME is not well-formed.");
        }
        ThrowIfRefused(welcome);
        TimeSpan heartbeat = TimeSpan.FromSeconds(welcome.HeartbeatSeconds);
        StreamLink link = new(
            transport, framing, identity.Mid, hubMid, LinkRole.Hub, heartbeat, _options, _time, _metrics, _logger, channel.Leftover.ToArray());
        return new DialedLink(link, new LinkWelcome
        {
            HubMid = hubMid,
            HubName = welcome.HubName,
            ParticipantName = welcome.ParticipantName,
            Ticket = welcome.Ticket,
            HubTable = welcome.HubTable,
        });
    }

    private LinkChallenge CheckChallenge(LinkTarget target, byte[] hello, byte[] message)
    {
        if (LinkWelcomeMessage.TryDecode(message, out LinkWelcomeMessage early))
        {
            ThrowIfRefused(early);
        }
        if (!LinkChallenge.TryDecode(message, out LinkChallenge challenge, out byte[] signedPart, out byte[] signature))
        {
            throw new TunnelException(TunnelError.ProtocolError, "The hub's CHALLENGE is not well-formed.");
        }
        if (challenge.Version != LinkHandshake.Version)
        {
            throw new TunnelException(TunnelError.UnsupportedVersion, $"The hub chose link version {challenge.Version}, which was not offered.");
        }
        Mid hubMid = Mid.FromSubjectPublicKeyInfo(challenge.SubjectPublicKeyInfo);
        // The signature first: who has not proven a key has not said anything.
        if (!LinkSignature.Verify(challenge.SubjectPublicKeyInfo, LinkTranscript.AcceptorStatement(hello, signedPart), signature))
        {
            throw new TunnelException(TunnelError.SecurityFailure, "The hub's signature over the handshake is wrong: this is not the hub it claims to be.");
        }
        if (target.ExpectedMid is { } expected && expected != hubMid)
        {
            throw new TunnelException(TunnelError.HubMidMismatch, $"The hub at {target.Address} proved the mid {hubMid}, but {expected} is configured or was met there first.");
        }
        if (hubMid == identity.Mid || challenge.Role != (int)LinkRole.Hub)
        {
            throw new TunnelException(TunnelError.SecurityFailure, "What answers is not a hub, or is this end itself.");
        }
        if (!_options.IsFresh(Now(), challenge.Time))
        {
            throw new TunnelException(TunnelError.ClockSkew, $"The hub's clock differs by more than {_options.ClockSkew.TotalSeconds} s; set the clocks right.");
        }
        return challenge;
    }

    private byte[] MakeProof(LinkIntroduction introduction, byte[] hello, byte[] challenge, Mid hubMid)
    {
        ulong now = Now();
        return new LinkProofMessage
        {
            AttachmentTime = now,
            AttachmentSignature = identity.Sign(LinkTranscript.AttachmentStatement(identity.Mid, hubMid, now)),
            TokenId = introduction.Token?.Id,
            EnrolmentMac = introduction.Token is { } token ? LinkTranscript.EnrolmentMac(token.Secret, hello, challenge) : null,
            RequestedName = introduction.RequestedName,
            Ticket = introduction.Ticket,
            OrganisationCertificate = identity.HasOrganisationCertificate ? identity.Certificate.RawData : null,
        }.Encode(hello, challenge, identity.Sign);
    }

    private static async ValueTask<byte[]> ReadAsync(HandshakeChannel channel, CancellationToken cancellationToken) =>
        await channel.ReadMessageAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new TunnelException(TunnelError.ProtocolError, $"The hub broke off the handshake (code {(int)channel.CloseCode}).");

    private static void ThrowIfRefused(LinkWelcomeMessage welcome)
    {
        if (welcome.Result != LinkRefusal.None)
        {
            throw TunnelException.FromRefusal(welcome.Result, welcome.Line);
        }
    }

    private ulong Now() => (ulong)_time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task<T> WithinAsync<T>(
        TimeSpan limit, TunnelError error, string message, Func<CancellationToken, ValueTask<T>> step, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = new(limit, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            return await step(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TunnelException(error, message, e);
        }
        catch (Exception e) when (e is SocketException or (IOException and not TunnelException))
        {
            throw new TunnelException(TunnelError.HubUnreachable, $"The connection broke: {e.Message}", e);
        }
    }
}
