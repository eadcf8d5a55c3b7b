using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Qanat.Client.Http;
using Qanat.Client.Participants;
using Qanat.Tunnel;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Client;

/// <summary>
/// This program's presence in the network: one key, one outbound link to a hub, tunnels to any number of partners over it. Reconnects by itself.
/// Safe to use from any thread; dispose it to leave.
/// </summary>
public sealed class QanatParticipant : IAsyncDisposable
{
    private readonly IParticipantTransport _transport;
    private readonly TimeSpan _connectTimeout;
    private readonly TimeProvider _time;
    private int _started;

    internal QanatParticipant(IParticipantTransport transport, TimeSpan connectTimeout, TimeProvider time)
    {
        _transport = transport;
        _connectTimeout = connectTimeout;
        _time = time;
    }

    /// <summary>This participant's mid: what partners put on their allow lists.</summary>
    public Mid Mid => _transport.Mid;

    /// <summary>Joins the network without dependency injection: loads or makes the key, links to a hub, enrols if a token is given.</summary>
    /// <exception cref="OptionsValidationException">The options are wrong; the message says what to set.</exception>
    /// <exception cref="TunnelException">The key cannot be used, no hub was reached in <see cref="QanatOptions.ConnectSeconds"/>, or it refused.</exception>
    public static async Task<QanatParticipant> StartAsync(QanatOptions options, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ValidateOptionsResult valid = new QanatOptionsValidator().Validate(null, options);
        if (valid.Failed)
        {
            throw new OptionsValidationException(QanatOptions.Section, typeof(QanatOptions), valid.Failures);
        }
        IParticipantTransport transport = EndpointTransport.Create(options, acceptor: null, loggers ?? NullLoggerFactory.Instance, TimeProvider.System, meters: null);
        QanatParticipant participant = new(transport, TimeSpan.FromSeconds(options.ConnectSeconds), TimeProvider.System);
        try
        {
            await participant.StartAsync(cancellationToken).ConfigureAwait(false);
            return participant;
        }
        catch
        {
            await participant.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>An <see cref="HttpClient"/> whose requests go to <c>http://SERVICE.PARTICIPANT.qanat/</c> through tunnels. The caller disposes it; the participant stays.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The client owns the handler.")]
    public HttpClient CreateHttpClient() => new(new SocketsHttpHandler().UseQanat(this), disposeHandler: true);

    /// <summary>
    /// Opens a byte stream to a partner's service. It may be returned before the partner has decided: a refusal then fails the first read with its
    /// typed error. Half-close by <see cref="TunnelStream.CompleteWritesAsync"/>.
    /// </summary>
    /// <exception cref="TunnelException">There is no tunnel, or it did not come up in time.</exception>
    public async ValueTask<TunnelStream> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        EnsureStarted();
        ConnectionContext connection = await WithinAsync(
            ct => _transport.ConnectAsync(target, ct), () => $"No tunnel to '{target.Participant}' came up within {_connectTimeout.TotalSeconds} s.",
            cancellationToken).ConfigureAwait(false);
        return new TunnelStream(connection);
    }

    /// <summary>The mid of a participant, as the hubs know it.</summary>
    /// <exception cref="TunnelException">The name is unknown, or no hub answers.</exception>
    public ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(participant);
        EnsureStarted();
        return WithinAsync(ct => _transport.ResolveAsync(participant, ct), () => $"No hub said who '{participant}' is within {_connectTimeout.TotalSeconds} s.", cancellationToken);
    }

    /// <summary>Leaves the network; tunnels end in order.</summary>
    public ValueTask DisposeAsync() => _transport.DisposeAsync();

    /// <summary>Links to a hub and waits for its welcome.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        EnsureStarted();
        await WithinAsync(
            async ct =>
            {
                await _transport.WaitForHubAsync(ct).ConfigureAwait(false);
                return true;
            },
            () => $"No hub was reached within {_connectTimeout.TotalSeconds} s.",
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Links to a hub in the background, and again whenever the link is lost.</summary>
    internal void EnsureStarted()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            _transport.Start();
        }
    }

    private async ValueTask<T> WithinAsync<T>(Func<CancellationToken, ValueTask<T>> step, Func<string> message, CancellationToken cancellationToken)
    {
        using CancellationTokenSource timeout = new(_connectTimeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await step(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            (TunnelError error, string detail) = _transport.LastFailure ?? (TunnelError.HandshakeTimeout, "");
            throw new TunnelException(error, $"{message()} {detail}".TrimEnd(), e);
        }
    }
}
