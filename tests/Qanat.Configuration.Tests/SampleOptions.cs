using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace Qanat.Configuration.Tests;

internal enum SampleLevel { Low, VeryHigh }

internal sealed class SampleOptions
{
    public string Name { get; set; } = "";
    public IPEndPoint? Listen { get; set; }
    public Uri? HubUrl { get; set; }
    public SampleLevel Level { get; set; }
    public bool Enabled { get; set; } = true;
    [Range(1, 100)] public int HeartbeatSeconds { get; set; } = 5;
    public long WindowMaxBytes { get; set; } = 1024;
    public string? EnrolmentToken { get; set; }
    public List<string> Tags { get; set; } = [];
    public SamplePeer[] Peers { get; set; } = [];
    public Dictionary<string, SampleService> Services { get; } = [];
    public SamplePeer Main { get; set; } = new();
    public int? Optional { get; set; }
}

internal sealed class SamplePeer
{
    [Required] public string? Address { get; set; } = "unset:1";
    public int Port { get; set; } = 1;
}

internal sealed class SampleService
{
    public string? Target { get; set; }
    public IReadOnlyList<string> Allow { get; set; } = [];
}

internal sealed class SampleValidator : IValidateOptions<SampleOptions>
{
    public ValidateOptionsResult Validate(string? name, SampleOptions options)
    {
        List<string> failures = [];
        if (options.Name.Length == 0)
        {
            failures.Add("Name: set it to the participant's name");
        }
        foreach ((string service, SampleService value) in options.Services)
        {
            if (value.Target is null)
            {
                failures.Add($"services.{service}.target: missing (set it to http://127.0.0.1:PORT)");
            }
        }
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
