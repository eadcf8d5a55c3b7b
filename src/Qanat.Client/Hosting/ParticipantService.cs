using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Qanat.Client.Serving;

namespace Qanat.Client.Hosting;

/// <summary>Joins the network once Kestrel listens, leaves it once Kestrel has drained.</summary>
internal sealed class ParticipantService(QanatParticipant participant, ParticipantNames names, QanatServerOptions served, ILogger<ParticipantService> logger) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        foreach ((string name, ServedService service) in served.Services)
        {
            if (service.Allow.Count == 0)
            {
                logger.NobodyAllowed(name);
            }
        }
        names.Participant = participant;
        logger.ParticipantStarts(participant.Mid, string.Join(' ', served.Services.Keys));
        participant.EnsureStarted();
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken) => await participant.DisposeAsync().ConfigureAwait(false);
}
